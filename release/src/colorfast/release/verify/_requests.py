"""What a request meets: the calls that it makes, and which version answers each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from colorfast.policy import lane_targets
from colorfast.release._model import Release
from colorfast.release._steps import WHOLE
from colorfast.release.verify._rows import Local, before_and_after, ends

OLD, NEW, FAILS, DECLARED = "old", "new", "503", "old, by the mesh's fallback"


@dataclass(frozen=True, slots=True)
class Visit:
    """A call of *service* during a request; *dyed*: the request is in the lane there."""

    service: str
    dyed: bool
    again: bool
    """Whether a request calls it more than once so."""


@dataclass(frozen=True, slots=True)
class Journey:
    """All calls of the requests that enter by *entrance*, *dyed* or not."""

    entrance: str
    dyed: bool
    visits: tuple[Visit, ...]


def journeys(release: Release) -> tuple[Journey, ...]:
    """Every kind of request."""
    kinds = (
        (False, True) if release.pattern == "locked" and release.share != "weights" else (False,)
    )
    return tuple(
        Journey(entrance, dyed, tuple(_visits(release, entrance, dyed=dyed)))
        for entrance in release.entrances
        for dyed in kinds
    )


def _visits(release: Release, entrance: str, *, dyed: bool) -> Iterator[Visit]:
    counts: dict[tuple[str, bool], int] = {}
    ahead = [(entrance, dyed)]
    while ahead:
        service, here = ahead.pop()
        counts[service, here] = counts.get((service, here), 0) + 1
        # A second way to a service is all that can matter: what follows has been seen twice then.
        if counts[service, here] <= 2:
            onwards = here and service not in release.drops
            ahead += [(name, onwards) for name in release.mesh.service(service).calls]
    for (service, here), count in counts.items():
        yield Visit(service, here, count > 1)


def has_traffic(journey: Journey, dye: tuple[int, ...]) -> bool:
    """Whether there are requests of this kind while *dye* parts of 10,000 are dyed."""
    return max(dye) > 0 if journey.dyed else min(dye) < WHOLE


@cache
def served(local: Local, *, dyed: bool, falls_back: bool) -> frozenset[str]:
    """What can become of a call while its service is in *local*.

    *falls_back*: the mesh declares that a lane without a ready pod is left.
    """
    led = ends(local.lane) if dyed else ("off",)
    answers: set[str] = set()
    for end in led:
        for target in ends(local.base) if end == "off" else (end,):
            answers.add(_answer(local, target, leaves=falls_back and end != "off"))
    return frozenset(answers)


def _answer(local: Local, target: str, *, leaves: bool) -> str:
    ready = {OLD: local.old == "ready", NEW: local.new == "ready"}
    if ready.get(target, False):
        return target
    return DECLARED if leaves and ready[OLD] else FAILS


@cache
def change_of(local: Local, *, dyed: tuple[bool, bool]) -> tuple[frozenset[str], frozenset[str]]:
    """The versions that a user is led to before and after what is being changed.

    *dyed*: whether the user was in the lane before, and is after.
    """
    base, lane = before_and_after(local.base), before_and_after(local.lane)
    sides = (
        lane[side] if dyed[side] and lane[side] != "off" else base[side] for side in (False, True)
    )
    before, after = (frozenset(ends(side)) & {OLD, NEW} for side in sides)
    return before, after


def refused(release: Release, journey: Journey) -> Visit | None:
    """A call that a strict lane refuses whatever the release is at; None when there is none."""
    for visit in journey.visits:
        service = release.mesh.service(visit.service)
        lane = release.lane if visit.dyed else None
        if not lane_targets(release.policy, release.mesh, service, lane):
            return visit
    return None
