"""What must hold in every state, and what is broken in one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal, NamedTuple, TypeAlias, get_args

from colorfast.release._model import Release
from colorfast.release.verify._requests import (
    FAILS,
    NEW,
    OLD,
    Journey,
    Visit,
    change_of,
    has_traffic,
    refused,
    served,
)
from colorfast.release.verify._rows import FINAL, ROLLED_BACK, Local, fits
from colorfast.release.verify._system import State, System

Invariant: TypeAlias = Literal[
    "lock", "compatibility", "availability", "stickiness", "completeness", "rollback"
]
"""What a release promises."""

INVARIANTS: tuple[Invariant, ...] = get_args(Invariant)

MEANINGS: dict[Invariant, str] = {
    "lock": "no request meets both versions, or leaves its lane unless the mesh declares it",
    "compatibility": "no new version calls an old one of this release",
    "availability": "no request is led to a version without a ready pod",
    "stickiness": "no user who has had a new version gets an old one while weights rise",
    "completeness": "at the end one version of each service has traffic, and no lane rule is left",
    "rollback": "the same holds while the release is given up, from every state, to its end",
}


class Break(NamedTuple):
    """An invariant that does not hold in a state."""

    invariant: Invariant
    what: str
    journey: Journey | None = None
    """The kind of request that shows it."""
    answers: tuple[tuple[Visit, str], ...] = ()
    """Calls of such a request, and what becomes of them."""


@dataclass(frozen=True)
class Judge:
    """Judges the states of a system by the requests that its services can meet."""

    release: Release
    journeys: tuple[Journey, ...]
    names: tuple[str, ...]
    """The services whose states are judged."""

    @property
    def has_requests(self) -> bool:
        """Whether there are requests that show anything about the services."""
        met = {visit.service for journey in self.journeys for visit in journey.visits}
        return bool(met & {*self.names}) or any(refusal for _, refusal in self._refusals)

    def breaks(self, state: State) -> tuple[Break, ...]:
        """What requests show to be broken in *state*."""
        key = (state.back, state.dye, state.locals)
        if key not in self._known:
            self._known[key] = tuple(self._breaks(state))
        return self._known[key]

    def _breaks(self, state: State) -> Iterator[Break]:
        locals_ = dict(zip(self.names, state.locals, strict=True))
        for one in self._requests(locals_, state):
            yield one._replace(invariant="rollback") if state.back else one
        if not state.back and self.release.pattern == "locked":
            yield from self._sticky(locals_, state)

    def ending(self, system: System, state: State) -> Iterator[Break]:
        """What is broken in *state* when nothing can happen after it."""
        end: Invariant = "rollback" if state.back else "completeness"
        if not system.is_through(state):
            yield Break(end, "nothing can go on from here")
            return
        wanted = [ROLLED_BACK] if state.back else [FINAL]
        if state.back and self.release.pattern != "locked":
            wanted.append(FINAL)  # what was promoted before stays
        for name, local in zip(system.names, state.locals, strict=True):
            if not any(fits(one, local) for one in wanted):
                yield Break(end, f"{name} is left with {_told(local)}")
        if state.dye != (0,):
            yield Break(end, "requests are still dyed")

    def _requests(self, locals_: dict[str, Local], state: State) -> Iterator[Break]:
        for journey, refusal in self._refusals:
            if not has_traffic(journey, state.dye):
                continue
            if refusal is not None:
                yield refusal
            met = [
                (visit, self._served(locals_[visit.service], visit))
                for visit in journey.visits
                if visit.service in locals_
            ]
            yield from _unavailable(journey, met)
            if self.release.pattern == "locked":
                yield from _mixed(journey, met)
            elif self.release.pattern == "ordered":
                yield from self._incompatible(journey, met)

    @cached_property
    def _known(self) -> dict[tuple[bool, tuple[int, ...], tuple[Local, ...]], tuple[Break, ...]]:
        return {}

    @cached_property
    def _refusals(self) -> tuple[tuple[Journey, Break | None], ...]:
        """Every kind of request, and whether a strict lane refuses it whatever happens."""
        return tuple((journey, self._refused(journey)) for journey in self.journeys)

    def _refused(self, journey: Journey) -> Break | None:
        visit = refused(self.release, journey)
        if visit is None:
            return None
        what = f"the lane is strict, and {visit.service} is not deployed in it"
        return Break("availability", what, journey, ((visit, FAILS),))

    def _served(self, local: Local, visit: Visit) -> frozenset[str]:
        falls_back = self.release.mesh.fallback == "endpoints"
        return served(local, dyed=visit.dyed, falls_back=falls_back)

    def _incompatible(
        self, journey: Journey, met: list[tuple[Visit, frozenset[str]]]
    ) -> Iterator[Break]:
        by_name = {visit.service: (visit, answers) for visit, answers in met}
        for name, (caller, answers) in by_name.items():
            for called in self.release.mesh.service(name).calls:
                if NEW in answers and called in by_name and OLD in by_name[called][1]:
                    what = f"the new {name} calls the old {called}"
                    pair = ((caller, NEW), (by_name[called][0], OLD))
                    yield Break("compatibility", what, journey, pair)

    def _sticky(self, locals_: dict[str, Local], state: State) -> Iterator[Break]:
        drawn = self.release.share == "entrance" and 0 < state.dye[-1] < 10_000
        for journey in self.journeys:
            for visit in journey.visits:
                if visit.service not in locals_:
                    continue
                if journey.dyed:
                    yield from self._kept(journey, visit, locals_[visit.service], state, drawn)
                elif has_traffic(journey, state.dye):
                    yield from self._left_out(journey, visit, locals_[visit.service])
        if self.release.share == "weights":
            yield from self._weighted(locals_)

    def _kept(
        self, journey: Journey, visit: Visit, local: Local, state: State, drawn: bool
    ) -> Iterator[Break]:
        first, last = state.dye[0], state.dye[-1]
        for stage in self.release.stages:
            dyed = (visit.dyed and first >= stage.weight, visit.dyed and last >= stage.weight)
            before, after = change_of(local, dyed=dyed)
            if any(dyed) and NEW in before and OLD in after:
                what = f"who had the new {visit.service} gets the old one again"
                yield Break("stickiness", what, journey, ((visit, OLD),))
        if drawn and visit.dyed:
            inside, outside = change_of(local, dyed=(True, False))
            if inside != outside:
                what = f"each request of a user is drawn anew at {journey.entrance}"
                yield Break("stickiness", what, journey, ((visit, NEW),))

    def _left_out(self, journey: Journey, visit: Visit, local: Local) -> Iterator[Break]:
        """Of users who are in no lane, before and after."""
        before, after = change_of(local, dyed=(False, False))
        # Weights that stay are told of as such: each request is drawn anew.
        if ">" in local.base and NEW in before and OLD in after:
            what = f"who had the new {visit.service} gets the old one again"
            yield Break("stickiness", what, journey, ((visit, OLD),))

    def _weighted(self, locals_: dict[str, Local]) -> Iterator[Break]:
        for journey in self.journeys:
            for visit in journey.visits:
                if visit.service in locals_ and "~" in locals_[visit.service].base:
                    what = f"each request of a user is drawn anew at {visit.service}"
                    yield Break("stickiness", what, journey, ((visit, OLD),))


def promises(release: Release) -> tuple[Invariant, ...]:
    """The invariants that the pattern of *release* has."""
    leaves_out: set[Invariant] = {
        "single": {"lock", "compatibility", "stickiness"},
        "ordered": {"lock", "stickiness"},
        "locked": {"compatibility"},
    }[release.pattern]  # type: ignore[assignment]
    return tuple(one for one in INVARIANTS if one not in leaves_out)


def _unavailable(journey: Journey, met: list[tuple[Visit, frozenset[str]]]) -> Iterator[Break]:
    for visit, answers in met:
        if FAILS in answers:
            what = f"{visit.service} has no ready pod where the request is led"
            yield Break("availability", what, journey, ((visit, FAILS),))


def _mixed(journey: Journey, met: list[tuple[Visit, frozenset[str]]]) -> Iterator[Break]:
    for visit, answers in met:
        if visit.dyed and OLD in answers:
            what = f"a request leaves its lane at {visit.service}"
            yield Break("lock", what, journey, ((visit, OLD),))
        if visit.again and {OLD, NEW} <= answers:
            what = f"a request that calls {visit.service} twice meets both of its versions"
            yield Break("lock", what, journey, ((visit, OLD), (visit, NEW)))
    for (one, some), (other, others) in combinations(met, 2):
        for first, second in ((OLD, NEW), (NEW, OLD)):
            if first in some and second in others:
                what = f"one request meets the {first} {one.service} and the {second} "
                yield Break("lock", what + other.service, journey, ((one, first), (other, second)))


def _told(local: Local) -> str:
    return (
        f"base route {local.base}, lane route {local.lane}, old pods {local.old}, "
        f"new pods {local.new}"
    )
