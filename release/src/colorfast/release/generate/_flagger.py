"""Flagger: a Deployment and a Canary a service. Its routes are behind ours.

Flagger writes its VirtualService whole, so a lane's route in it is gone within seconds. Ours is
the one with hosts: it has the lanes, and delegates every other request to Flagger's.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from colorfast.k8s import Json, slug
from colorfast.policy import Diagnostic
from colorfast.release._model import Change, Metric
from colorfast.release._steps import WHOLE, Step
from colorfast.release.generate._analysis import flagger_template
from colorfast.release.generate._errors import finding
from colorfast.release.generate._routes import destination_rules, virtual_services
from colorfast.release.generate._site import Site
from colorfast.release.generate._subsets import FLAGGER_LABEL
from colorfast.release.generate._workloads import deployment, own_labels, service, template

API: Final = "flagger.app/v1beta1"

GATE: Final = "http://flagger-loadtester.flagger-system/gate/check"
"""What Flagger asks before it promotes; closed until somebody opens it."""

_INTERVAL: Final = 60
_BOUNDS: Final = {">=": ("min",), "<=": ("max",), "==": ("min", "max")}


def check(site: Site) -> Iterator[Diagnostic]:
    """What Flagger cannot be told."""
    release = site.release
    if release.analysis is not None:
        for metric in release.analysis.metrics:
            if metric.operator not in _BOUNDS:
                yield finding(
                    release,
                    "CF824",
                    f"metric {metric.name} must be {metric.condition}",
                    why="a range of Flagger has a lowest and a highest value, and both are in it",
                    fix=f"use {', '.join(_BOUNDS)}",
                )
    if not site.locked and any(stage.pause for stage in release.stages):
        yield finding(
            release,
            "CF823",
            "the pauses of steps are not used",
            why=f"Flagger takes a step every {_interval(site)} seconds, which is analysis.interval",
            fix="remove them, and set analysis.interval",
        )


def install(site: Site) -> Iterator[Json]:
    """What stands before the release: the old versions, and all that no step changes."""
    start = site.plan.routes_at(0)
    for change in site.release.changes:
        yield service(site, change, change.name, own_labels(change))
        yield _deployment(site, change, change.old)
        yield canary(site, change)
    yield from _templates(site)
    yield from destination_rules(site, start)
    yield from (behind(site, one) for one in virtual_services(site, start))


def pods(site: Site, step: Step) -> Iterator[Json]:
    """What a step with pods applies: a promotion is a gate that is opened, not an object."""
    back = step.action in ("restore", "scale-down") or step.weight == 0
    for change in site.release.changes:
        if change.name in step.services and (back or step.action == "deploy"):
            yield _deployment(site, change, change.old if back else change.new)


def behind(site: Site, virtual_service: Json) -> Json:
    """*virtual_service*, the requests outside of lanes left to Flagger."""
    made = deepcopy(virtual_service)
    *_, rest = made["spec"]["http"]
    (base,) = rest.pop("route")
    host = base["destination"]["host"]
    change = next(one for one in site.release.changes if one.service.host == host)
    rest["delegate"] = {"name": _name(change), "namespace": change.service.namespace}
    return made


def canary(site: Site, change: Change) -> Json:
    """The Canary of a service."""
    analysis = _locked(site) if site.locked else _weighted(site, change)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": change.name}
    port = change.service.port
    return site.manifest(API, "Canary", change.name, change.service.namespace) | {
        "spec": {
            "provider": "istio",
            "targetRef": target,
            "service": {
                # Not the service's own name: Flagger would write its Service, too.
                "name": _name(change),
                "port": port,
                "targetPort": port,
                "portName": change.service.protocol,
                "delegation": True,
            },
            "analysis": {"interval": f"{_interval(site)}s"} | analysis,
        }
    }


def _name(change: Change) -> str:
    return slug(f"{change.name}-flagger")


def _interval(site: Site) -> int:
    return site.release.analysis.interval if site.release.analysis else _INTERVAL


def _locked(site: Site) -> Json:
    """Full size, no traffic of Flagger's but the lane's, and a gate before the promotion.

    Nothing is measured here: a Canary that fails loses its pods while requests are in the lane.
    """
    return {
        "threshold": 1,
        "iterations": 1,
        "match": [{"headers": {site.release.policy.header: {"exact": site.lane}}}],
        "webhooks": [{"name": "promote", "type": "confirm-promotion", "url": GATE}],
    }


def _weighted(site: Site, change: Change) -> Json:
    weights = [stage.weight * 100 // WHOLE for stage in site.release.stages]
    metrics = site.release.analysis.metrics if site.release.analysis else ()
    limit = max((metric.failure_limit for metric in metrics), default=0)
    made: Json = {"threshold": limit + 1, "stepWeights": weights}
    if metrics:
        made["metrics"] = [_metric(site, one) for one in metrics]
    return made


def _metric(site: Site, metric: Metric) -> Json:
    bound = float(metric.threshold)
    return {
        "name": metric.name,
        "interval": f"{_interval(site)}s",
        "templateRef": {"name": slug(f"{site.release.name}-{metric.name}")},
        "thresholdRange": dict.fromkeys(_BOUNDS[metric.operator], bound),
    }


def _templates(site: Site) -> Iterator[Json]:
    if site.locked or site.release.analysis is None:
        return
    for namespace in dict.fromkeys(one.service.namespace for one in site.release.changes):
        for metric in site.release.analysis.metrics:
            yield flagger_template(site, metric, namespace)


def _deployment(site: Site, change: Change, version: str) -> Json:
    own = {FLAGGER_LABEL: change.name}
    pods = template(site, change, version, own)
    return deployment(site, change, name=change.name, pods=pods, selector=own)
