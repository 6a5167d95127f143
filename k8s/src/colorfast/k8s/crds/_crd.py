"""CustomResourceDefinitions (apiextensions.k8s.io/v1), made from the models that read the files."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from colorfast.k8s._objects import Json
from colorfast.k8s.crds._rules import MESH_RULES, POLICY_CHOICES, POLICY_RULES, Choice, Rule
from colorfast.k8s.crds._schema import Schema, structural
from colorfast.policy import MeshSpec, PolicySpec

GROUP: Final = "colorfast.dev"
VERSION: Final = "v1alpha1"

BOUNDS: Final[dict[str, int]] = {
    "lanes": 256,
    "parents": 256,
    "rules": 2000,
    "rules.[].match": 32,
    "rules.[].match.[].headers": 32,
    "rules.[].match.[].cookies": 32,
    "rules.[].match.[].query": 32,
    "rules.[].split.by": 16,
    "rules.[].split.weights": 64,
    "services": 256,
    "services.{}.calls": 64,
    "gateways": 64,
}
"""Items of lists and maps; Kubernetes keeps objects below 1.5 MiB anyway."""


NULLABLE: Final = ("default",)
"""Keys whose ``null`` means something to a reader: nobody is dyed unless a rule says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of file as a kind of object."""

    kind: str
    plural: str
    short: str
    spec: type[BaseModel]
    rules: tuple[Rule, ...]
    choices: tuple[Choice, ...] = ()
    columns: tuple[tuple[str, str, str], ...]
    """Name, type and JSON path of each column that ``kubectl get`` shows."""


RESOURCES: Final = (
    Resource(
        kind="LanePolicy",
        plural="lanepolicies",
        short="lpol",
        spec=PolicySpec,
        rules=POLICY_RULES,
        choices=POLICY_CHOICES,
        columns=(
            ("Accepted", "string", '.status.conditions[?(@.type=="Accepted")].status'),
            ("Digest", "string", ".status.digest"),
            ("Reason", "string", '.status.conditions[?(@.type=="Accepted")].reason'),
            ("Baseline", "string", ".spec.baseline"),
            ("Age", "date", ".metadata.creationTimestamp"),
        ),
    ),
    Resource(
        kind="LaneMesh",
        plural="lanemeshes",
        short="lmesh",
        spec=MeshSpec,
        rules=MESH_RULES,
        columns=(
            ("Entry", "string", ".spec.entry"),
            ("Fallback", "string", ".spec.fallback"),
            ("Age", "date", ".metadata.creationTimestamp"),
        ),
    ),
)
"""Every kind."""


def crd(resource: Resource) -> Json:
    """The definition of *resource*."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": kind, "jsonPath": path} for name, kind, path in resource.columns
        ],
        "schema": {"openAPIV3Schema": _object(resource)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{resource.plural}.{GROUP}",
            "labels": {
                "app.kubernetes.io/name": "colorfast",
                "app.kubernetes.io/component": "crds",
                "app.kubernetes.io/part-of": "colorfast",
            },
        },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "shortNames": [resource.short],
                "categories": ["colorfast"],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _object(resource: Resource) -> Schema:
    spec = structural(resource.spec)
    for path, bound in BOUNDS.items():
        _bound(spec, path, bound)
    for path in NULLABLE:
        if path in spec["properties"]:
            spec["properties"][path]["nullable"] = True
    for path, rule, message in resource.rules:
        for place in _places(spec, path):
            rules = place.setdefault("x-kubernetes-validations", [])
            rules.append({"rule": rule, "message": message})
    for path, keys in resource.choices:
        for place in _places(spec, path):
            place["oneOf"] = [{"required": [key]} for key in keys]
    return {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": _STATUS,
        },
    }


def _places(schema: Schema, path: str) -> list[Schema]:
    """The schema at *path*: names of properties, ``[]`` for items, ``{}`` for a map's values."""
    for step in filter(None, path.split(".")):
        match step:
            case "[]":
                schema = schema["items"]
            case "{}":
                schema = schema["additionalProperties"]
            case _:
                schema = schema["properties"][step]
    return [schema]


def _bound(spec: Schema, path: str, bound: int) -> None:
    try:
        (place,) = _places(spec, path)
    except KeyError:
        return  # of another kind
    key = {"array": "maxItems", "object": "maxProperties"}.get(place.get("type", ""))
    if key is not None:
        place[key] = bound


_CONDITION: dict[str, Any] = {
    "type": "object",
    "required": ["type", "status", "lastTransitionTime", "reason", "message"],
    "properties": {
        "type": {"type": "string", "maxLength": 316},
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
        "reason": {"type": "string", "maxLength": 1024},
        "message": {"type": "string", "maxLength": 32768},
    },
}
"""``metav1.Condition``."""

_DIAGNOSTIC: dict[str, Any] = {
    "type": "object",
    "required": ["code", "level", "what"],
    "properties": {
        "code": {"type": "string", "maxLength": 16},
        "level": {"type": "string", "enum": ["error", "warning"]},
        **{text: {"type": "string", "maxLength": 1024} for text in ("what", "why", "fix")},
    },
}

_STATUS: Schema = {
    "type": "object",
    "description": "What the services that serve it say.",
    "properties": {
        "observedGeneration": {"type": "integer", "format": "int64"},
        "digest": {
            "type": "string",
            "description": "Of the policy that was accepted last, as metrics and logs show it.",
        },
        "diagnostics": {
            "type": "array",
            "description": "What was found in it, as the command line tells it too.",
            "maxItems": 32,
            "items": _DIAGNOSTIC,
        },
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": _CONDITION,
        },
    },
}
