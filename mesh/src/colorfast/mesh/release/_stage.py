"""The mesh that a release is played in: one workload a version, not one a lane."""

from dataclasses import replace

from colorfast.mesh._errors import not_played
from colorfast.policy import ColorfastError, Mesh, Source, Workload, lane_targets
from colorfast.release import Plan, Release

_MOST = 24
"""Workloads. Each is an Envoy and a Python process."""


def is_by_lane(release: Release) -> bool:
    """Whether requests get the new versions by being in the lane, and not by weights of routes."""
    return release.pattern == "locked" and release.share != "weights"


def staged(release: Release) -> Mesh:
    """The mesh of *release* with versions in the place of its lanes; other lanes are left out.

    Raises ColorfastError (CF617) for a release that cannot be played here.
    """
    services = []
    for service in release.mesh.services:
        change = release.change(service.name)
        versions = (change.old, change.new) if change else (release.policy.baseline,)
        services.append(replace(service, lanes=versions, lane_labels=()))
    mesh = replace(release.mesh, services=tuple(services), fallback="deployed")
    refusal = _refusal(release, mesh)
    if refusal is not None:
        raise refusal
    return mesh


def workloads(release: Release, mesh: Mesh, *, new: bool) -> tuple[Workload, ...]:
    """The workloads of the new versions, or all of the others."""
    made = {change.name: change.new for change in release.changes}
    return tuple(one for one in mesh.workloads if (made.get(one.service.name) == one.lane) is new)


def is_refused(release: Release, service: str) -> bool:
    """Whether requests of the release's lane get no answer of *service*: strict, and not in it."""
    # The mesh as its file has it knows lanes: where it is staged there are versions in their place.
    mesh, lane = release.mesh, release.lane
    return lane is not None and not lane_targets(release.policy, mesh, mesh.service(service), lane)


def in_wrong_order(release: Release) -> Release:
    """*release* with the entrance finished before the others.

    Raises ColorfastError (CF617) when it has no order.
    """
    why = _without_order(release)
    if why:
        raise not_played("the wrong order of a release without an order", why, "leave --break out")
    return replace(release, finish="first")


def _without_order(release: Release) -> str:
    """Why there is no order to break; empty when there is one."""
    if release.pattern == "single":
        return "it has one service"
    if release.pattern == "locked" and not is_by_lane(release):
        return "all of its services get their weights at once"
    return ""


def check_way(made: Plan, give_up_after: int | None) -> None:
    """Raises ColorfastError (CF617) when there is no such step to give the release up after."""
    last = len(made.steps) - 1
    if give_up_after is not None and not 1 <= give_up_after <= last:
        raise not_played(
            f"a release that is given up after step {give_up_after}",
            f"its plan has {last + 1} steps, and after the last one it is through",
            f"name a step from 1 to {last}; colorfast release plan shows them",
        )


def _refusal(release: Release, mesh: Mesh) -> ColorfastError | None:
    if is_by_lane(release) and (release.style != "version" or release.controller == "flagger"):
        return not_played(
            f"a locked release of {release.controller} in style {release.style}",
            "there the controller moves routes by itself, and none runs here",
            "try --controller istio and style: version; verify tells of this one",
        )
    if release.sticky is not None and release.sticky.by[0].source is Source.SOURCE_IP:
        return not_played(
            "a split by sourceIp first",
            "every request comes from 127.0.0.1, so all of them would get one version",
            "put a cookie, a header or a query parameter first",
        )
    if len(mesh.workloads) > _MOST:
        return not_played(
            f"{len(mesh.workloads)} workloads",
            f"each takes two processes of this machine, and {_MOST} are the most",
            "play a part of the mesh: what does not meet the release need not be there",
        )
    return None
