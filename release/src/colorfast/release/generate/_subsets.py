"""Which pods a route of a release can name: the subsets of each style."""

from collections.abc import Mapping

from colorfast.k8s import Json, slug
from colorfast.release._model import Change
from colorfast.release.generate._site import LANE_LABEL, Site, labels_of

KRUISE_LABEL = "istio.service.tag"
"""Label by which Kruise's own scripts know the canary; its value is ``gray``."""

KRUISE_SUBSET = "canary"
"""The subset to which Kruise's VirtualService script leads."""

KRUISE_CANARY = {KRUISE_LABEL: "gray"}
KRUISE_STABLE = {KRUISE_LABEL: "base"}

FLAGGER_LABEL = "name"
"""Flagger takes a label for its own and gives the stable pods another value of it. This one is
not among those that the mesh's Service selects."""


def subsets(site: Site, change: Change) -> dict[str, Mapping[str, str]]:
    """The subsets that a release needs besides the lanes', and the labels that they select.

    With version labels nothing ever moves: a version's subset is there before its pods are, and
    is the same when they are the baseline's.
    """
    if by_role(site):
        return {slug(site.release.policy.baseline): KRUISE_STABLE, KRUISE_SUBSET: KRUISE_CANARY}
    if by_services(site):
        return {}
    if site.release.controller == "argo-rollouts" and site.release.style == "labels":
        lanes = (site.release.policy.baseline, site.lane)
        return {slug(lane): {LANE_LABEL: lane} for lane in lanes}
    versions = (change.old, change.new)
    return {slug(one): labels_of(site.release, change, one) for one in versions}


def by_role(site: Site) -> bool:
    """Whether Kruise tells the canary's pods from the stable ones, and leads requests there."""
    release = site.release
    return release.controller == "kruise" and (not site.locked or release.style == "managed")


def by_services(site: Site) -> bool:
    """Whether the controller tells the versions apart by Services of its own."""
    release = site.release
    managed = not site.locked or release.style == "managed"
    return managed and release.controller in ("argo-rollouts", "flagger")


def named(site: Site, change: Change, version: str, *, lane: bool) -> str:
    """The subset of *version*; *lane*: that of the lane where subsets are lanes."""
    release = site.release
    if by_role(site):
        return slug(release.policy.baseline)
    if release.controller == "argo-rollouts" and release.style == "labels" and site.locked:
        return slug(site.lane if lane else release.policy.baseline)
    return slug(version)


def with_subsets(site: Site, change: Change, rule: Json, base: str) -> Json:
    """*rule*, the DestinationRule of the lanes, with the release's subsets in it.

    Other lanes' subsets stay. Those of the baseline and of the release's lane stay only where
    lanes fall back by endpoints, for filters name them; the baseline's has the pods of *base* then,
    the version that the base routes lead to, or those that the controller has as its stable ones.
    """
    release = site.release
    own = subsets(site, change)
    lanes = {slug(lane): lane for lane in change.service.lanes}
    for name, lane in lanes.items():
        if lane not in (release.policy.baseline, release.lane):
            continue
        if release.mesh.fallback == "endpoints" and name not in own:
            own[name] = _behind_filters(site, change, lane, base)
    kept = [
        one | {"name": kept_name(site, change, lanes[one["name"]])}
        for one in rule["spec"]["subsets"]
        if lanes[one["name"]] not in (release.policy.baseline, release.lane)
    ]
    made = [{"name": name, "labels": dict(labels)} for name, labels in own.items()]
    return rule | {"spec": rule["spec"] | {"subsets": [*made, *kept]}}


def _behind_filters(site: Site, change: Change, lane: str, base: str) -> Mapping[str, str]:
    """The pods that an aggregate cluster finds under a lane's name."""
    release = site.release
    if lane != release.policy.baseline:
        return labels_of(release, change, change.new)
    # Of routes that are the controller's no step writes a subset: one by version would be empty
    # from the promotion on.
    return stable_role(site, change) if by_services(site) else labels_of(release, change, base)


def stable_role(site: Site, change: Change) -> Mapping[str, str]:
    """By what the stable pods are known, whichever version they are, ``by_services``."""
    if site.release.controller == "flagger":
        return {FLAGGER_LABEL: f"{change.name}-primary"}
    return {LANE_LABEL: site.release.policy.baseline}


def kept_name(site: Site, change: Change, lane: str) -> str:
    """The subset of another lane: the lane's name, if the release does not need that itself."""
    name = slug(lane)
    return slug(f"lane-{name}") if name in subsets(site, change) else name


def in_the_way(site: Site, change: Change) -> list[str]:
    """Other lanes whose subset gets another name."""
    own = (site.release.policy.baseline, site.release.lane)
    others = [lane for lane in change.service.lanes if lane not in own]
    return [lane for lane in others if kept_name(site, change, lane) != slug(lane)]
