"""The mesh that a release is played in: one workload a version, not one a lane."""

from dataclasses import replace

from colorfast.mesh._errors import not_played
from colorfast.policy import Attribute, Mesh, Source, Workload
from colorfast.release import Release


def staged(release: Release) -> Mesh:
    """The mesh of *release* with versions in the place of its lanes; other lanes are left out.

    Raises ColorfastError (CF617) for a release that cannot be played here.
    """
    _check(release)
    services = []
    for service in release.mesh.services:
        change = release.change(service.name)
        versions = (change.old, change.new) if change else (release.policy.baseline,)
        services.append(replace(service, lanes=versions, lane_labels=()))
    return replace(release.mesh, services=tuple(services), gateways=(), fallback="deployed")


def workloads(release: Release, mesh: Mesh, *, new: bool) -> tuple[Workload, ...]:
    """The workloads of the new versions, or all of the others."""
    made = {change.name: change.new for change in release.changes}
    return tuple(one for one in mesh.workloads if (made.get(one.service.name) == one.lane) is new)


def _check(release: Release) -> None:
    if release.pattern != "locked" or release.share != "dye" or release.style != "version":
        raise not_played(
            f"pattern {release.pattern} with share {release.share} and style {release.style}",
            "no controller runs here: steps are the dye's, ours of routes, and pods'",
            "play a release with pattern: locked, share: dye and style: version",
        )
    if release.controller == "flagger":
        raise not_played(
            "controller flagger",
            "its promotion moves the base routes, and it does not run here",
            "try --controller istio",
        )
    if len(release.entrances) > 1:
        raise not_played(
            f"{len(release.entrances)} entrances",
            "the local mesh has one gateway, which leads to spec.entry",
            "take gateways[].entry out of the mesh",
        )
    if release.drops:
        raise not_played(
            "services that drop the dye", "the sample applications all keep it", "remove drops"
        )
    if release.sticky is not None and _is_address(release.sticky.by[0]):
        raise not_played(
            "a split by sourceIp first",
            "every request comes from 127.0.0.1, so all of them would get one version",
            "put a cookie, a header or a query parameter first",
        )


def _is_address(attribute: Attribute) -> bool:
    return attribute.source is Source.SOURCE_IP
