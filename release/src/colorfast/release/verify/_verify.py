"""Every reachable state of a release, without looking at every combination of its services.

Services do not wait for each other except where the plan does, and a break shows in the state of
one service or two: those that a request meets in different versions. So the states of each pair of
services, with the plan and the dye, are all that has to be looked at: what a pair can do in the
whole release it can do alone (others are always able to finish what the plan waits for), and the
other way round. Pairs that take part in the same steps have the same states, and pairs that
requests meet in the same way are judged once. ``whole=True`` looks at every combination all the
same; the tests compare the two.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, TypeAlias

from colorfast.release._model import Release
from colorfast.release._plan import plan
from colorfast.release._steps import Plan, Step
from colorfast.release.verify._counterexample import Counterexample, counterexample
from colorfast.release.verify._judge import Break, Invariant, Judge, promises
from colorfast.release.verify._requests import Journey, journeys
from colorfast.release.verify._rows import Table
from colorfast.release.verify._search import Space
from colorfast.release.verify._system import Move, State, System
from colorfast.release.verify.tables import table_of

Progress: TypeAlias = Callable[[int, int, int], None]
"""Called with how many of how many groups are done, and how many states were seen so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a release keeps its promises, and if not, how it breaks them."""

    plan: Plan
    table: Table
    any_order: bool
    promises: tuple[Invariant, ...]
    counterexamples: tuple[Counterexample, ...]
    """One for each broken invariant, in the order of *promises*; each a shortest one."""
    states: int
    """How many states were looked at."""
    pairs: int
    """How many groups of services they stand for."""

    @property
    def safe(self) -> bool:
        """Whether nothing is broken."""
        return not self.counterexamples


def verify(
    release: Release,
    *,
    any_order: bool = False,
    whole: bool = False,
    progress: Progress = lambda *_: None,
) -> Verdict:
    """Look at every state that *release* can reach.

    *any_order* lets every service and the dye go on by themselves, whatever the plan waits for, and
    stops at the first break; *whole* looks at all combinations of services.
    """
    made = plan(release)
    table = table_of(release)
    everything = System(made, table, tuple(one.name for one in release.order), any_order)
    search = _Search(everything, whole=whole)
    search.run(progress)
    found = {one: search.found[one] for one in promises(release) if one in search.found}
    return Verdict(
        plan=made,
        table=table,
        any_order=any_order,
        promises=promises(release),
        counterexamples=tuple(found.values()),
        states=search.states,
        pairs=search.pairs,
    )


class _Search:
    """Goes through the pairs of a release; keeps the shortest way to each kind of break."""

    def __init__(self, everything: System, *, whole: bool) -> None:
        self.found: dict[Invariant, Counterexample] = {}
        self.states = 0
        self.pairs = 0
        self._everything = everything
        self._release = everything.plan.release
        self._journeys = journeys(self._release)
        self._whole = whole
        self._spaces: dict[Any, Space] = {}
        self._judged: set[Any] = set()
        self._kept: set[tuple[Invariant, tuple[str, ...], int]] = set()

    def run(self, progress: Progress) -> None:
        """Look at everything."""
        groups = self._groups(2)
        for number, names in enumerate(groups):
            progress(number, len(groups), self.states)
            self._judge(names)
            self.states = sum(len(space) for space in self._spaces.values())
        self._judge_ends()
        self.states = sum(len(space) for space in self._spaces.values())
        progress(len(groups), len(groups), self.states)
        self.pairs = len(groups)

    def _groups(self, size: int) -> list[tuple[str, ...]]:
        names = self._everything.names
        if self._whole or len(names) < size:
            return [names]
        return list(combinations(names, size))

    def _space(self, names: tuple[str, ...]) -> tuple[Any, Space]:
        """The states of *names*, and the roles by which others have the same."""
        roles = tuple(self._role(name) for name in names)
        if roles not in self._spaces:
            self._spaces[roles] = Space(replace(self._everything, names=names))
        return roles, self._spaces[roles]

    def _judge(self, names: tuple[str, ...]) -> None:
        judge = Judge(self._release, self._journeys, names)
        if not judge.has_requests:
            return
        roles, space = self._space(names)
        met = _met(self._release, self._journeys, names)
        if (roles, met) not in self._judged:
            self._judged.add((roles, met))
            self._judge_requests(judge, space)

    def _judge_ends(self) -> None:
        """What is left of a service does not depend on the others."""
        judged = set()
        for names in self._groups(1):
            roles, space = self._space(names)
            if roles not in judged:
                judged.add(roles)
                self._judge_end(Judge(self._release, self._journeys, names), space)

    def _judge_requests(self, judge: Judge, space: Space) -> None:
        missing = {*promises(self._release)} - {"completeness"}
        for index, state in enumerate(space.states()):
            if not missing or self._is_too_far(space.depth(index)):
                return
            if self._is_no_news(judge, space, state, missing):
                continue
            for broken in judge.breaks(state):
                if broken.invariant in missing:
                    missing.discard(broken.invariant)
                    self._keep_once(broken, space, state, judge.names)

    def _judge_end(self, judge: Judge, space: Space) -> None:
        reached = False
        for index, state in enumerate(space.states()):
            if self._is_too_far(space.depth(index)):
                return
            if space.is_end(state):
                reached |= not state.back
                for broken in judge.ending(space.system, state):
                    self._keep_once(broken, space, state, judge.names)
        if not reached:
            self._keep(Break("completeness", "the plan never comes to its end"), ())

    def _is_no_news(
        self, judge: Judge, space: Space, state: State, missing: set[Invariant]
    ) -> bool:
        """Whether nothing that is broken in *state* would be told."""
        if not state.back:
            return missing == {"rollback"}
        # A rollback that begins in a state that was broken already is not to blame.
        return "rollback" not in missing or bool(judge.breaks(space.left(state)))

    def _is_too_far(self, depth: int) -> bool:
        """Whether a break at *depth* would be no news: a search in any order has one."""
        if not self._everything.any_order or not self.found:
            return False
        return depth >= min(one.depth for one in self.found.values())

    def _keep_once(self, broken: Break, space: Space, state: State, names: tuple[str, ...]) -> None:
        """Tell *broken* in full, unless a shorter way to a break of its kind is known."""
        moves = space.trace(state)
        # Services with these roles have been told of with as many moves: others add the same.
        seen = (broken.invariant, space.system.names, len(moves))
        if seen not in self._kept:
            self._kept.add(seen)
            self._keep(broken, self._renamed(moves, space.system.names, names))

    def _keep(self, broken: Break, moves: tuple[Move, ...]) -> None:
        told = counterexample(self._everything, moves, broken)
        known = self.found.get(broken.invariant)
        if known is None or told.depth < known.depth:
            self.found[broken.invariant] = told

    def _role(self, name: str) -> Any:
        """What a service takes part in: with equal roles two have the same states."""
        made = self._everything.plan
        if self._everything.any_order:
            return tuple(
                tuple((step.action, step.weight) for step in steps) for steps in self._own(name)
            )
        return tuple(name in step.services for step in (*made.steps, *made.rollback))

    def _own(self, name: str) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        """The steps of a service in any order, forward and back."""
        process = replace(self._everything, names=(name,)).processes[-1]
        return process.forward, process.back

    def _renamed(
        self, moves: tuple[Move, ...], names: tuple[str, ...], to: tuple[str, ...]
    ) -> tuple[Move, ...]:
        """*moves* of services with the roles of *names* as moves of *to*."""
        return tuple(
            self._renamed_one(move, move.service, to[names.index(move.service)])
            if move.service
            else move
            for move in moves
        )

    def _renamed_one(self, move: Move, name: str, to: str) -> Move:
        step = move.step
        if step is not None and self._everything.any_order:
            steps = zip(self._own(name), self._own(to), strict=True)
            pairs = (pair for each in steps for pair in zip(*each, strict=True))
            step = next(own for other, own in pairs if other is step)
        return move._replace(service=to, step=step)


def _met(release: Release, kinds: tuple[Journey, ...], names: tuple[str, ...]) -> Any:
    """How requests meet *names*: groups of services for which it is equal are judged alike."""
    # Only compatibility asks who of them calls whom.
    calls = [
        (one, other)
        for one, name in enumerate(names)
        for other, called in enumerate(names)
        if release.pattern == "ordered" and called in release.mesh.service(name).calls
    ]
    visits = [
        (
            journey.dyed,
            frozenset(
                (names.index(visit.service), visit.dyed, visit.again)
                for visit in journey.visits
                if visit.service in names
            ),
        )
        for journey in kinds
    ]
    return frozenset(visits), tuple(calls)
