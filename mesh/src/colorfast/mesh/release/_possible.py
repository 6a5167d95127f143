"""How surely a play shows the request of a counterexample.

A counterexample is one way to go wrong among many: it may take trouble that does not come by
itself, or pass within the moment that a change takes. What a step leaves behind is certain.
"""

from collections.abc import Sequence

from colorfast.mesh.release._load import Answer
from colorfast.mesh.release._scenes import InForce, Scene
from colorfast.mesh.release._shares import asked
from colorfast.mesh.release._stage import is_by_lane, is_refused
from colorfast.release import WHOLE, Release
from colorfast.release.verify import Counterexample

FAILS = "503"
"""What ``verify`` says of a call that nobody answers."""

_ENOUGH = 10
"""Where so many are expected, chance shows none once in 20,000 plays."""


def is_certain(
    release: Release, play: Sequence[Scene], answers: Sequence[Answer], one: Counterexample
) -> bool:
    """Whether among requests as many as *answers* are, some have to show *one*."""
    expected = 0.0
    for scene in play:
        if one.path and scene.is_back is (one.invariant == "rollback"):
            number = sum(_is_of(scene, answer, one) for answer in answers)
            expected += number * _chance(release, play, scene, one)
    return expected >= _ENOUGH


def _is_of(scene: Scene, answer: Answer, one: Counterexample) -> bool:
    return answer.settled and answer.scene == scene.number and answer.entrance == one.entrance


def _chance(release: Release, play: Sequence[Scene], scene: Scene, one: Counterexample) -> float:
    """How probable it is that a request shows *one*, once the change of *scene* is through."""
    if one.invariant != "stickiness":
        return _chance_of_path(release, scene.now, one)
    if release.sticky is None:  # each request of a user is drawn anew
        place = one.entrance if is_by_lane(release) else one.path[-1].service
        share = asked(release, scene.now, place) / WHOLE
        return share * (1 - share)
    had = any(_had_new(release, each.now, scene.now, one) for each in play[: scene.number + 1])
    return _chance_of_path(release, scene.now, one) if had else 0.0


def _chance_of_path(release: Release, now: InForce, one: Counterexample) -> float:
    found = (now.drawn if one.dyed else WHOLE - now.drawn) / WHOLE
    for hop in one.path:
        found *= _answers(release, now, hop.service, dyed=hop.dyed).get(hop.answer, 0.0)
    return found


def _had_new(release: Release, before: InForce, now: InForce, one: Counterexample) -> bool:
    """Whether who meets *one* now had the new version of the service that it ends at."""
    lost = one.path[-1].service
    change = release.change(lost)
    had = set[str]()
    # Who is not in the lane now was in it only while its share was larger.
    if before.drawn > (0 if one.dyed else now.drawn):
        had |= _answers(release, before, lost, dyed=True).keys()
    if before.drawn < WHOLE:
        had |= _answers(release, before, lost, dyed=False).keys()
    return change is not None and change.new in had


def _answers(release: Release, now: InForce, service: str, *, dyed: bool) -> dict[str, float]:
    """What answers a call of *service*, as ``verify`` tells it, and how probable that is."""
    if dyed and is_refused(release, service):
        return {FAILS: 1.0}
    if release.change(service) is None:
        return {"": 1.0}
    routes = now.routes[service]
    if dyed and routes.lane is not None:
        return {routes.lane: 1.0}
    return {version: weight / WHOLE for version, weight in routes.base}
