"""KubeVela: an Application a version, and one whose workflow plays the plan.

Versions are Applications of their own, so that the end of a release can delete the old ones: what
an Application has deployed it would bring back.
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from colorfast.k8s import Json, slug
from colorfast.release._model import Change
from colorfast.release._steps import WHOLE, Step
from colorfast.release.generate._routes import (
    destination_rules,
    moved,
    moving,
    virtual_services,
)
from colorfast.release.generate._site import Site, pods_of, versioned
from colorfast.release.generate._workloads import own_labels, service

API: Final = "core.oam.dev/v1beta1"

_SYSTEM: Final = "vela-system"
_STEPS: Final = {
    "lane-shift": "Apply one change of a lane release.",
    "lane-finish": "Delete the old versions of a lane release.",
    "lane-rollback": "Give a lane release up, the dye first.",
}


def install(site: Site) -> Iterator[Json]:
    """What stands before the release: the old versions, and all that no step changes."""
    yield _trait(site)
    for name, description in _STEPS.items():
        yield _definition(site, "WorkflowStepDefinition", name, description)
    start = site.plan.routes_at(0)
    for change in site.release.changes:
        yield service(site, change, change.name, own_labels(change))
        yield version_of(site, change, change.old)
    yield from destination_rules(site, start)
    yield from virtual_services(site, start)


def version_of(site: Site, change: Change, version: str) -> Json:
    """The Application of one version of one service."""
    name = versioned(change.service, version)
    port = {"port": change.service.port, "name": change.service.protocol, "expose": False}
    labels = pods_of(site.release, change, version)
    component = {
        "name": name,
        "type": "webservice",
        "properties": {"image": change.image_of(version), "ports": [port]},
        "traits": [
            {"type": "lane", "properties": {"labels": labels}},
            {"type": "scaler", "properties": {"replicas": change.replicas}},
        ],
    }
    return site.manifest(API, "Application", name, change.service.namespace) | {
        "spec": {"components": [component]}
    }


def workflow(site: Site) -> Json:
    """The Application that has no components but plays the plan."""
    namespace = site.release.changes[0].service.namespace
    steps: list[Json] = []
    checks: dict[str, list[str]] = {}
    for step in site.plan.steps:
        made = list(_steps(site, step))
        steps += made
        measured = [one["name"] for one in made if one["type"] == "check-metrics"]
        if measured:
            (owner,) = ("",) if site.locked else step.services
            checks.setdefault(owner, []).extend(measured)
    steps += _rollbacks(site, checks)
    return site.manifest(API, "Application", slug(site.release.name), namespace) | {
        "spec": {"components": [], "workflow": {"steps": steps}}
    }


def _steps(site: Site, step: Step) -> Iterator[Json]:
    changes = [one for one in site.release.changes if one.name in step.services]
    if step.action == "promote":
        yield _step(step.id, "lane-finish", {"remove": [_old(one) for one in changes]})
        return
    yield _step(step.id, "lane-shift", {"objects": list(_objects(site, step, changes))})
    if step.action == "deploy":
        for change in changes:
            name = versioned(change.service, change.new)
            wanted = {"name": name, "namespace": change.service.namespace}
            yield _step(f"{step.id}-{change.name}-ready", "depends-on-app", wanted)
    if step.weight is not None:
        yield from _watched(site, step)


def _objects(site: Site, step: Step, changes: list[Change]) -> Iterator[Json]:
    if step.action == "deploy":
        yield from (version_of(site, change, change.new) for change in changes)
    elif step.policy is not None:
        yield step.policy
    else:
        yield from moved(site, step)


def _watched(site: Site, step: Step) -> Iterator[Json]:
    """Stay for a while, and go on if what is measured agrees."""
    properties = {"duration": f"{step.pause}s"} if step.pause else {}
    yield _step(f"{step.id}-pause", "suspend", properties)
    analysis = site.release.analysis
    for metric in analysis.metrics if analysis else ():
        assert analysis is not None  # noqa: S101 (it has the metric)
        yield _step(
            f"{step.id}-{metric.name}",
            "check-metrics",
            {
                "query": metric.query,
                "metricEndpoint": analysis.prometheus,
                "condition": f"{metric.operator}{metric.threshold}",
                "duration": f"{analysis.interval}s",
                "failDuration": f"{analysis.interval * (metric.failure_limit + 1)}s",
            },
        )


def _rollbacks(site: Site, checks: dict[str, list[str]]) -> Iterator[Json]:
    """What is safe wherever a check fails: the old pods are there as long as anything is checked.

    *checks* are the names of the steps that measure, by service; locked versions go back at once.
    """
    for service_name, names in checks.items():
        objects = list(_back(site, service_name))
        failed = " || ".join(f'status["{name}"].failed' for name in names)
        name = "-".join(filter(None, ("rollback", service_name)))
        yield _step(name, "lane-rollback", {"objects": objects}) | {"if": failed}


def _back(site: Site, service_name: str) -> Iterator[Json]:
    for step in site.plan.rollback:
        if step.action == "undye" and step.policy is not None:
            yield step.policy
        elif step.action in ("unroute", "weigh") and step.weight != WHOLE:
            routes = {one.service: one for one in step.routes}
            if service_name:
                routes = {service_name: routes[service_name]}
            yield from moving(site, routes)


def _step(name: str, kind: str, properties: Json) -> Json:
    step: Json = {"name": name, "type": kind}
    return step | ({"properties": properties} if properties else {})


def _old(change: Change) -> Json:
    return {
        "apiVersion": API,
        "kind": "Application",
        "name": versioned(change.service, change.old),
        "namespace": change.service.namespace,
    }


def _trait(site: Site) -> Json:
    made = _definition(site, "TraitDefinition", "lane", "The labels of one version's pods.")
    spec = {"appliesToWorkloads": ["deployments.apps"], "podDisruptive": True}
    return made | {"spec": spec | made["spec"]}


def _definition(site: Site, kind: str, name: str, description: str) -> Json:
    made = site.manifest(API, kind, name, _SYSTEM)
    made["metadata"]["annotations"] = {"definition.oam.dev/description": description}
    text = (files("colorfast.release.generate") / "cue" / f"{name}.cue").read_text("utf-8")
    return made | {"spec": {"schematic": {"cue": {"template": text}}}}
