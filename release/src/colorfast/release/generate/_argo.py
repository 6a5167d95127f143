"""Argo Rollouts with Istio.

Which traps each style avoids, and how, is in docs/release.md; that they are traps was seen with the
real controller.
"""

from collections.abc import Iterator
from typing import Final

from colorfast.k8s import Json, slug
from colorfast.policy import Diagnostic
from colorfast.release._model import Change, Stage
from colorfast.release._steps import WHOLE, Step
from colorfast.release.generate._analysis import ARGO, argo_run, argo_template, template_name
from colorfast.release.generate._errors import finding
from colorfast.release.generate._routes import destination_rules, dye, virtual_services
from colorfast.release.generate._site import LANE_LABEL, Site, aside
from colorfast.release.generate._subsets import by_services, stable_role
from colorfast.release.generate._workloads import (
    kept_labels,
    own_labels,
    service,
    template,
)

WAVE: Final = "argocd.argoproj.io/sync-wave"

_ISTIO: Final = "networking.istio.io/v1"
_WAVES: Final = {"VirtualService": 1, "Rollout": 2, "AnalysisRun": 9, "LanePolicy": 9}
"""What Argo CD applies after the rest, in this order; Rollouts of an ordered release one by one."""


def check(site: Site) -> Iterator[Diagnostic]:
    """What Argo would do wrong with this release."""
    if not _managed(site):
        return
    for change in site.release.changes:
        if change.replicas < 2:
            yield finding(
                site.release,
                "CF820",
                f"{change.name} has one pod, and the header route of its lane stands on it",
                why="when that pod is unready for a moment, Argo removes the route and does not "
                "put it back: the lane's requests get the old version",
                fix="replicas: 2 or more, or style: version, whose routes Argo does not touch",
                change=change,
            )


def install(site: Site) -> Iterator[Json]:
    """What stands before the release: the old versions, and all that no step changes."""
    start = site.plan.routes_at(0)
    yield from _templates(site)
    for change in site.release.changes:
        yield service(site, change, change.name, own_labels(change))
        yield from _controlled(site, change)
        yield rollout(site, change, change.old)
    yield from destination_rules(site, start)
    for one in virtual_services(site, start):
        yield _weighted(site, one) if by_services(site) else one


_APPLIED: Final = {"deploy": (True, True), "restore": (False, False), "scale-down": (False, True)}
"""By action: whether the new version is applied, and whether a Rollout has weights to give."""

_UNDYED: Final = (True, False)
"""Of a rollback. With other steps Argo begins at the first again: at weight 0, its pods stay."""


def pods(site: Site, step: Step) -> Iterator[Json]:
    """What a step with pods applies: a promotion or an abort is a command, not an object."""
    applied = _UNDYED if step.action == "undye" and step.when else _APPLIED.get(step.action)
    if applied is None:
        return
    is_new, weighs = applied
    for change in site.release.changes:
        if change.name in step.services:
            yield rollout(site, change, change.new if is_new else change.old, weighs=weighs)


def beside(site: Site, step: Step) -> Iterator[Json]:
    """What runs beside a share of the dye, while it rises."""
    if step.action == "dye" and step.weight is not None and not step.when:
        namespace = site.release.changes[0].service.namespace
        yield from argo_run(site, Stage(weight=step.weight, pause=step.pause), namespace)


def rollout(site: Site, change: Change, version: str, *, weighs: bool = True) -> Json:
    """The Rollout of a service, at *version*; *weighs*: at the entrance it gives shares."""
    name, namespace = change.name, change.service.namespace
    return site.manifest(ARGO, "Rollout", name, namespace) | {
        "spec": {
            "replicas": change.replicas,
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": kept_labels(site, change)},
            "template": template(site, change, version),
            "strategy": {"canary": _canary(site, change, weighs=weighs)},
        }
    }


def waved(site: Site, one: Json) -> Json:
    """*one* with the sync wave in which Argo CD applies it."""
    wave = _WAVES.get(one["kind"], 0)
    if one["kind"] == "Rollout" and site.release.pattern == "ordered":
        names = [change.name for change in site.release.order]
        wave += names.index(one["metadata"]["name"])
    metadata = one["metadata"]
    annotations = metadata.get("annotations", {}) | {WAVE: str(wave)}
    return one | {"metadata": metadata | {"annotations": annotations}}


# Styles.


def _managed(site: Site) -> bool:
    return site.locked and site.release.style == "managed"


def _canary(site: Site, change: Change, *, weighs: bool) -> Json:
    full = {"setCanaryScale": {"replicas": change.replicas}}
    if by_services(site):
        return _hosts(site, change) | {"steps": [full, *_steps(site, change, weighs=weighs)]}
    lanes = {}
    if site.release.style == "labels":
        # They move with the pods' role, and never flap.
        lanes = {
            "canaryMetadata": {"labels": {LANE_LABEL: site.lane}},
            "stableMetadata": {"labels": {LANE_LABEL: site.release.policy.baseline}},
        }
    return {
        **lanes,
        # 0: the new pods stay when the Rollout is aborted. Requests may be in the lane yet.
        "abortScaleDownDelaySeconds": 0,
        "trafficRouting": {"istio": _aside(change)},
        "steps": [full, {"pause": {}}],
    }


def _aside(change: Change) -> Json:
    """Routes for Argo alone. Without any it would not start the new version at full size."""
    name = aside(change)
    return {
        "virtualService": {"name": name, "routes": [name]},
        "destinationRule": {
            "name": name,
            "canarySubsetName": "canary",
            "stableSubsetName": "stable",
        },
    }


def _hosts(site: Site, change: Change) -> Json:
    """Argo moves the users' requests itself: between two Services.

    Not between two subsets: it would delete the lanes' from the DestinationRule.
    """
    start = {change.name: site.plan.routes_at(0)[change.name]}
    # Of each VirtualService, the route for everybody is the one whose weights Argo moves.
    virtual = [
        {"name": one["metadata"]["name"], "routes": [one["spec"]["http"][-1]["name"]]}
        for one in virtual_services(site, start)
    ]
    routing: Json = {"istio": {"virtualServices": virtual}}
    if len(virtual) == 1:
        routing = {"istio": {"virtualService": virtual[0]}}
    if _managed(site):
        routing = {"managedRoutes": [{"name": _header_route(site, change)}], **routing}
    analysis = {}
    if not site.locked and site.release.analysis is not None:
        name = template_name(site, site.release.policy.baseline)
        analysis = {"analysis": {"templates": [{"templateName": name}], "startingStep": 1}}
    roles = {}
    if site.release.mesh.fallback == "endpoints":
        # Filters lead lanes to the baseline's subset, which no Service stands for.
        roles = {"stableMetadata": {"labels": dict(stable_role(site, change))}}
    return {
        **roles,
        "stableService": _stable(change),
        "canaryService": _canary_service(change),
        # Longer, and the two Services are rewritten against each other until istiod starves.
        "abortScaleDownDelaySeconds": 1,
        **analysis,
        "trafficRouting": routing,
    }


def _steps(site: Site, change: Change, *, weighs: bool) -> Iterator[Json]:
    release = site.release
    if not site.locked:
        yield from _weights(site, waits=False)
        return
    if release.share != "weights":
        yield _set_header_route(site, change)
    yield {"pause": {}}
    if release.share == "weights" or (weighs and _colours(site, change)):
        yield from _weights(site, waits=True)


def _weights(site: Site, *, waits: bool) -> Iterator[Json]:
    """*waits*: a person goes on, for services that belong together are not finished by a clock."""
    for stage in site.release.stages:
        yield {"setWeight": stage.weight * 100 // WHOLE}
        yield {"pause": {"duration": f"{stage.pause}s"} if stage.pause and not waits else {}}


def _set_header_route(site: Site, change: Change) -> Json:
    match = [{"headerName": site.release.policy.header, "headerValue": {"exact": site.lane}}]
    return {"setHeaderRoute": {"name": _header_route(site, change), "match": match}}


def _header_route(site: Site, change: Change) -> str:
    """Unlike any name that ``colorfast.k8s`` gives: Argo deletes a user's route of this name."""
    return slug(f"{change.name}-{site.lane}-managed")


def _stable(change: Change) -> str:
    return slug(f"{change.name}-stable")


def _canary_service(change: Change) -> str:
    return slug(f"{change.name}-canary")


# Objects besides the Rollout.


def _templates(site: Site) -> Iterator[Json]:
    lanes = [site.release.policy.baseline]
    if site.release.lane is not None:
        lanes.append(site.release.lane)
    for namespace in dict.fromkeys(one.service.namespace for one in site.release.changes):
        for lane in lanes:
            yield from argo_template(site, lane, namespace)


def _controlled(site: Site, change: Change) -> Iterator[Json]:
    own = own_labels(change)
    if by_services(site):
        yield service(site, change, _stable(change), own)
        yield service(site, change, _canary_service(change), own)
        return
    name, namespace = aside(change), change.service.namespace
    host = f"{name}.{namespace}.svc.cluster.local"
    weights = (("stable", 100), ("canary", 0))
    yield service(site, change, name, own)
    yield site.manifest(_ISTIO, "DestinationRule", name, namespace) | {
        "spec": {"host": host, "subsets": [{"name": one, "labels": own} for one, _ in weights]}
    }
    to = [
        {"destination": {"host": host, "subset": one}, "weight": weight} for one, weight in weights
    ]
    yield site.manifest(_ISTIO, "VirtualService", name, namespace) | {
        "spec": {"hosts": [host], "http": [{"name": name, "route": to}]}
    }


def _weighted(site: Site, virtual_service: Json) -> Json:
    *lanes, rest = virtual_service["spec"]["http"]
    (base,) = rest["route"]
    host = base["destination"]["host"]
    change = next(one for one in site.release.changes if one.service.host == host)
    namespace = change.service.namespace
    to = [
        {
            "destination": {
                "host": f"{name}.{namespace}.svc.cluster.local",
                "port": base["destination"]["port"],
            },
            "weight": weight,
        }
        for name, weight in ((_stable(change), 100), (_canary_service(change), 0))
    ]
    if _colours(site, change):
        to[1] |= {"headers": dye(site)}
    spec = virtual_service["spec"] | {"http": [*lanes, rest | {"route": to}]}
    return virtual_service | {"spec": spec}


def _colours(site: Site, change: Change) -> bool:
    """Whether the canary's destination puts its requests into the lane."""
    release = site.release
    return site.locked and release.share == "entrance" and change.name in release.entrances
