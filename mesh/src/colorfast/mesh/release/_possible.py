"""Whether a play stays in a state in which the request of a counterexample can be met.

A counterexample is one way to go wrong among many: it may take trouble that does not come by
itself, or pass within the moment that a change takes. What a step leaves behind is certain.
"""

from collections.abc import Sequence

from colorfast.mesh.release._scenes import InForce, Scene
from colorfast.mesh.release._stage import is_refused
from colorfast.release import WHOLE, Release
from colorfast.release.verify import Counterexample

FAILS = "503"
"""What ``verify`` says of a call that nobody answers."""


def stays(release: Release, play: Sequence[Scene], one: Counterexample) -> bool:
    """Whether a scene of *play* ends in such a state."""
    is_back = one.invariant == "rollback"
    found = [
        scene.number
        for scene in play
        if scene.is_back is is_back and _can_be(release, scene.now, one)
    ]
    if not found or one.invariant != "stickiness":
        return bool(found)
    # To lose a version somebody must have had it.
    return any(_has_new(release, scene.now, one) for scene in play[: found[-1] + 1])


def _can_be(release: Release, now: InForce, one: Counterexample) -> bool:
    has_traffic = now.drawn > 0 if one.dyed else now.drawn < WHOLE
    answers = (_answers(release, now, hop.service, dyed=hop.dyed) for hop in one.path)
    hops = zip(one.path, answers, strict=True)
    return bool(one.path) and has_traffic and all(hop.answer in found for hop, found in hops)


def _has_new(release: Release, now: InForce, one: Counterexample) -> bool:
    """Whether the service that *one* ends at answers somebody with its new version."""
    lost = one.path[-1].service
    change = release.change(lost)
    kinds = [dyed for dyed in (True, False) if (now.drawn if dyed else WHOLE - now.drawn)]
    return change is not None and any(
        change.new in _answers(release, now, lost, dyed=dyed) for dyed in kinds
    )


def _answers(release: Release, now: InForce, service: str, *, dyed: bool) -> set[str]:
    """What may answer a call of *service*, as ``verify`` tells it."""
    if dyed and is_refused(release, service):
        return {FAILS}
    if release.change(service) is None:
        return {""}
    routes = now.routes[service]
    if dyed and routes.lane is not None:
        return {routes.lane}
    return {version for version, _ in routes.base}
