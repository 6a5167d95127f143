"""Which share of the requests should get the new versions, and where that is measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colorfast.mesh.release._load import Answer
from colorfast.mesh.release._paths import begins_new, is_new
from colorfast.mesh.release._scenes import InForce
from colorfast.mesh.release._stage import is_by_lane
from colorfast.release import WHOLE, Change, Release

_SIGMAS = 4.5
"""A draw that is further off than that is taken for a fault: one in 100,000 is not one."""
_SLACK = 0.02
"""Users have exactly their parts, a step has not exactly all users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The new version's share at one place."""

    place: str
    asked: int
    """Parts of 10,000."""
    seen: float
    """0 to 1; 0 where nobody came by."""
    number: int
    """How many came by."""

    @property
    def is_as_asked(self) -> bool:
        """Whether chance explains the difference; each request may be drawn for itself."""
        wanted = self.asked / WHOLE
        chance = (wanted * (1 - wanted) / max(self.number, 1)) ** 0.5
        return not self.number or abs(self.seen - wanted) <= _SIGMAS * chance + _SLACK


def places(release: Release) -> tuple[str, ...]:
    """Where shares are measured: the entrances, or every service whose routes have weights."""
    if is_by_lane(release):
        return release.entrances
    return tuple(change.name for change in release.order)


def share(release: Release, now: InForce, place: str, answers: list[Answer]) -> Share:
    """The share at *place* while *now* is in force, as *answers* have it."""
    found = [new for one in answers for new in met(release, one, place)]
    return Share(
        place=place,
        asked=asked(release, now, place),
        seen=sum(found) / len(found) if found else 0.0,
        number=len(found),
    )


def asked(release: Release, now: InForce, place: str) -> int:
    """What share, in parts of 10,000, gets the new version at *place*.

    At an entrance it is that of the first service of the release that its requests meet.
    """
    if not is_by_lane(release):
        (change,) = (one for one in release.changes if one.name == place)
        return _part_of_new(change, now.routes[place].base)
    first = next(_met_from(release, place, dyed=True), None)
    if first is None:
        return 0
    change, dyed = first
    routes, drawn = now.routes[change.name], now.drawn if dyed else 0
    outside = _part_of_new(change, routes.base)
    inside = outside if routes.lane is None else _part_of_new(change, ((routes.lane, WHOLE),))
    return (drawn * inside + (WHOLE - drawn) * outside) // WHOLE


def _part_of_new(change: Change, led: Sequence[tuple[str, int]]) -> int:
    """The weight of the new version among those that a route leads to."""
    return dict(led).get(change.new, 0)


def _met_from(release: Release, name: str, *, dyed: bool) -> Iterator[tuple[Change, bool]]:
    """What requests meet of the release from service *name* on, and whether the dye is left."""
    change = release.change(name)
    if change is not None:
        yield change, dyed
    for called in release.mesh.service(name).calls:
        yield from _met_from(release, called, dyed=dyed and name not in release.drops)


def met(release: Release, answer: Answer, place: str) -> Iterator[bool]:
    """Each version that *answer* met at *place*: whether it was the new one."""
    if is_by_lane(release):
        if answer.entrance == place:
            yield begins_new(release, answer.path)
        return
    for hop in answer.path:
        if hop[0] == place:
            yield is_new(release, hop) is True
