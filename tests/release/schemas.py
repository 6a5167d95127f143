"""Schemas of what we write of Kruise's, KubeVela's and Flagger's kinds, and of nothing more.

By hand, after their API types (Kruise Rollouts 0.6.2, KubeVela 1.10, Flagger 1.36), for no package
has them. A field that is not here is an error, so each new one has to be looked up first.
"""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
WHOLE: Schema = {"type": "integer", "minimum": 0}
NAME: Schema = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": 63}
LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
SECONDS: Schema = {"type": "string", "pattern": "^[1-9][0-9]*s$"}
OBJECT: Schema = {"type": "object", "required": ["apiVersion", "kind", "metadata"]}


def fields(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def several(items: Schema, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


def whole(api_version: str, kind: str, spec: Schema) -> Schema:
    metadata = fields({"name": NAME, "namespace": NAME, "labels": LABELS, "annotations": LABELS})
    constants: dict[str, Schema] = {
        "apiVersion": {"const": api_version},
        "kind": {"const": kind},
    }
    return fields(constants | {"metadata": metadata, "spec": spec})


_REFERENCE = fields({"apiVersion": TEXT, "kind": TEXT, "name": NAME})
_MATCH = fields(
    {
        "headers": several(
            fields({"type": {"enum": ["Exact", "RegularExpression"]}, "name": TEXT, "value": TEXT})
        )
    }
)
_ROUTING = fields(
    {"service": NAME, "gracePeriodSeconds": WHOLE, "customNetworkRefs": several(_REFERENCE)}
)
_KRUISE_STEP = fields(
    {"replicas": {"type": "string", "pattern": "^([1-9][0-9]?|100)%$"}},
    {
        "traffic": {"type": "string", "pattern": "^([1-9][0-9]?|100)%$"},
        "pause": fields({"duration": WHOLE}),
    },
)
_KRUISE_CANARY = fields(
    {"enableExtraWorkloadForCanary": {"const": True}, "steps": several(_KRUISE_STEP)},
    {
        "disableGenerateCanaryService": {"type": "boolean"},
        "patchPodTemplateMetadata": fields({"labels": LABELS}),
        "trafficRoutings": several(_ROUTING) | {"maxItems": 1},
    },
)
_KRUISE_ROLLOUT = fields(
    {"workloadRef": _REFERENCE, "strategy": fields({"canary": _KRUISE_CANARY})}
)
_TRAFFIC_ROUTING = fields(
    {
        "objectRef": several(_ROUTING) | {"maxItems": 1},
        "strategy": fields({"matches": several(_MATCH)}),
    }
)

_TRAIT = {
    "oneOf": [
        fields({"type": {"const": "lane"}, "properties": fields({"labels": LABELS})}),
        fields({"type": {"const": "scaler"}, "properties": fields({"replicas": WHOLE})}),
    ]
}
_PORT = fields({"port": WHOLE, "name": NAME, "expose": {"type": "boolean"}})
_COMPONENT = fields(
    {
        "name": NAME,
        "type": {"const": "webservice"},
        "properties": fields({"image": TEXT, "ports": several(_PORT)}),
        "traits": several(_TRAIT),
    }
)
_REMOVED = fields({"apiVersion": TEXT, "kind": TEXT, "name": NAME, "namespace": NAME})
_CHECKED = fields(
    {
        "query": TEXT,
        "metricEndpoint": TEXT,
        "condition": {"type": "string", "pattern": "^(<|<=|>|>=|==|!=)-?[0-9.]+$"},
        "duration": SECONDS,
        "failDuration": SECONDS,
    }
)
_APPLIED = fields({"objects": several(OBJECT)})
_STEPS = {
    "lane-shift": _APPLIED,
    "lane-finish": fields({"remove": several(_REMOVED)}),
    "lane-rollback": _APPLIED,
    "depends-on-app": fields({"name": NAME, "namespace": NAME}),
    "check-metrics": _CHECKED,
    "suspend": fields({"duration": SECONDS}),
}


def _step(kind: str, properties: Schema) -> Schema:
    required: dict[str, Schema] = {"name": NAME, "type": {"const": kind}}
    optional: dict[str, Schema] = {}
    if kind == "suspend":
        optional = {"properties": properties}
    else:
        required |= {"properties": properties}
    if kind == "lane-rollback":
        required |= {"if": TEXT}
    return fields(required, optional)


_APPLICATION = fields(
    {"components": several(_COMPONENT, least=0)},
    {
        "workflow": fields(
            {
                "steps": several(
                    {"oneOf": [_step(kind, properties) for kind, properties in _STEPS.items()]}
                )
            }
        )
    },
)
_SCHEMATIC = {"schematic": fields({"cue": fields({"template": TEXT})})}
_TRAIT_DEFINITION = fields(
    _SCHEMATIC | {"appliesToWorkloads": several(TEXT), "podDisruptive": {"type": "boolean"}}
)

_MATCHED = fields({"headers": {"type": "object", "additionalProperties": fields({"exact": TEXT})}})
_HOOK = fields({"name": TEXT, "type": {"const": "confirm-promotion"}, "url": TEXT})
_METRIC = fields(
    {
        "name": TEXT,
        "interval": SECONDS,
        "templateRef": fields({"name": NAME}),
        "thresholdRange": fields({}, {"min": {"type": "number"}, "max": {"type": "number"}})
        | {"minProperties": 1},
    }
)
_CANARY = fields(
    {
        "provider": {"const": "istio"},
        "targetRef": _REFERENCE,
        "service": fields(
            {
                "name": NAME,
                "port": WHOLE,
                "targetPort": WHOLE,
                "portName": NAME,
                "delegation": {"type": "boolean"},
            }
        ),
        "analysis": fields(
            {"interval": SECONDS, "threshold": WHOLE},
            {
                "iterations": WHOLE,
                "match": several(_MATCHED),
                "metrics": several(_METRIC),
                "stepWeights": several({"type": "integer", "minimum": 1, "maximum": 100}),
                "webhooks": several(_HOOK),
            },
        ),
    }
)
_METRIC_TEMPLATE = fields(
    {"provider": fields({"type": {"const": "prometheus"}, "address": TEXT}), "query": TEXT}
)

VELA = "core.oam.dev/v1beta1"

SCHEMAS: dict[tuple[str, str], Schema] = {
    (api_version, kind): whole(api_version, kind, spec)
    for api_version, kind, spec in (
        ("rollouts.kruise.io/v1beta1", "Rollout", _KRUISE_ROLLOUT),
        ("rollouts.kruise.io/v1alpha1", "TrafficRouting", _TRAFFIC_ROUTING),
        (VELA, "Application", _APPLICATION),
        (VELA, "TraitDefinition", _TRAIT_DEFINITION),
        (VELA, "WorkflowStepDefinition", fields(_SCHEMATIC)),
        ("flagger.app/v1beta1", "Canary", _CANARY),
        ("flagger.app/v1beta1", "MetricTemplate", _METRIC_TEMPLATE),
    )
}
"""By apiVersion and kind."""
