"""OpenKruise Rollouts: a Deployment and a Rollout a service, and its own correct Lua.

A TrafficRouting is about one service, by annotation, and the canary's subset stands for good:
everything else was seen to go wrong with the real controller (docs/release.md).
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from colorfast.k8s import Json, slug
from colorfast.release._model import Change
from colorfast.release._steps import WHOLE, Step
from colorfast.release.generate._routes import destination_rules, virtual_services
from colorfast.release.generate._site import Site
from colorfast.release.generate._subsets import KRUISE_CANARY, KRUISE_STABLE, by_role
from colorfast.release.generate._workloads import (
    deployment,
    kept_labels,
    own_labels,
    service,
    template,
)

_GROUP: Final = "rollouts.kruise.io"
_ROUTING: Final = f"{_GROUP}/trafficrouting"
_NAMESPACE: Final = "kruise-rollout"
_GRACE: Final = 3
"""Seconds that Kruise waits for proxies; its default, said aloud."""

_SCRIPTS: Final = {
    "DestinationRule": "destination_rule.lua",
    "VirtualService": "virtual_service.lua",
}


def install(site: Site) -> Iterator[Json]:
    """What stands before the release: the old versions, and all that no step changes."""
    start = site.plan.routes_at(0)
    for change in site.release.changes:
        yield service(site, change, change.name, own_labels(change))
        yield _deployment(site, change, change.old)
        yield rollout(site, change)
        if _has_routing(site):
            yield traffic_routing(site, change)
    yield from (_told(site, one) for one in destination_rules(site, start))
    yield from (_told(site, one) for one in virtual_services(site, start))
    if by_role(site):
        yield scripts(site)


def pods(site: Site, step: Step) -> Iterator[Json]:
    """What a step with pods applies: an approval is a command, not an object.

    Kruise takes a template that is the old one again for an abort, and moves the requests first.
    """
    back = step.action in ("restore", "scale-down") or step.weight == 0
    for change in site.release.changes:
        if change.name in step.services and (back or step.action == "deploy"):
            yield _deployment(site, change, change.old if back else change.new)


def rollout(site: Site, change: Change) -> Json:
    """The Rollout of a service; which version it is at is the Deployment's to say."""
    made = site.manifest(f"{_GROUP}/v1beta1", "Rollout", change.name, change.service.namespace)
    if _has_routing(site):
        # The field trafficRoutingRef is not read by the controller; the annotation is.
        annotations = made["metadata"]["annotations"] | {_ROUTING: routing_name(site, change)}
        made["metadata"]["annotations"] = annotations
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "name": change.name}
    return made | {"spec": {"workloadRef": workload, "strategy": {"canary": _canary(site, change)}}}


def traffic_routing(site: Site, change: Change) -> Json:
    """The route of the lane to one service. One for several would lead all to the first."""
    headers = [{"type": "Exact", "name": site.release.policy.header, "value": site.lane}]
    name, namespace = routing_name(site, change), change.service.namespace
    return site.manifest(f"{_GROUP}/v1alpha1", "TrafficRouting", name, namespace) | {
        "spec": {
            "objectRef": [_reference(site, change)],
            "strategy": {"matches": [{"headers": headers}]},
        }
    }


def routing_name(site: Site, change: Change) -> str:
    """The name of a service's TrafficRouting."""
    return slug(f"{change.name}-{site.lane}")


def scripts(site: Site) -> Json:
    """Our scripts, to be mounted over the ones in the controller's image."""
    folder = files("colorfast.release.generate") / "lua"
    data = {
        f"{kind}.lua": (folder / name).read_text(encoding="utf-8")
        for kind, name in _SCRIPTS.items()
    }
    return site.manifest("v1", "ConfigMap", "colorfast-lua", _NAMESPACE) | {"data": data}


def _has_routing(site: Site) -> bool:
    return site.locked and by_role(site)


def _canary(site: Site, change: Change) -> Json:
    canary: Json = {"enableExtraWorkloadForCanary": True}
    if by_role(site):
        # A canary Service narrows the stable one, too: other lanes would lose their pods.
        canary["disableGenerateCanaryService"] = True
        canary["patchPodTemplateMetadata"] = {"labels": KRUISE_CANARY}
    if not site.locked:
        canary["trafficRoutings"] = [_reference(site, change)]
    return canary | {"steps": _steps(site)}


def _steps(site: Site) -> list[Json]:
    """A last step of 100 % is never waited at, so there is one more than there are stops."""
    full: Json = {"replicas": "100%"}
    if site.locked:
        return [full, full]
    stages = [
        full
        | {"traffic": f"{stage.weight * 100 // WHOLE}%"}
        | ({"pause": {"duration": stage.pause}} if stage.pause else {})
        for stage in site.release.stages
    ]
    # With its weight: a step without one gives the requests back before the stable pods are new.
    return [*stages, full | {"traffic": "100%"}]


def _reference(site: Site, change: Change) -> Json:
    start = {change.name: site.plan.routes_at(0)[change.name]}
    # No DestinationRule: Kruise would take its subset out before the route that leads there.
    references = [
        {"apiVersion": one["apiVersion"], "kind": one["kind"], "name": one["metadata"]["name"]}
        for one in virtual_services(site, start)
    ]
    return {
        "service": change.name,
        "gracePeriodSeconds": _GRACE,
        "customNetworkRefs": references,
    }


def _told(site: Site, one: Json) -> Json:
    """*one* with what our scripts want to know."""
    if not by_role(site):
        return one
    metadata = one["metadata"]
    told = {"colorfast.dev/kruise-namespace": metadata["namespace"]}
    return one | {"metadata": metadata | {"annotations": metadata["annotations"] | told}}


def _deployment(site: Site, change: Change, version: str) -> Json:
    stable = KRUISE_STABLE if by_role(site) else {}
    pods = template(site, change, version, stable)
    selector = kept_labels(site, change)
    made = deployment(site, change, name=change.name, pods=pods, selector=selector)
    # By the label Kruise's webhook finds the workload. Its controller looks for an annotation
    # instead, and without one writes the label at every look: 20 writes a second are all it has.
    for place in ("labels", "annotations"):
        made["metadata"][place] |= {f"{_GROUP}/workload-type": "deployment"}
    return made
