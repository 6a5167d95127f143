"""From an automaton with several ways to go on to one with a single way (subset construction)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from colorfast.policy._regex_ast import Look
from colorfast.policy._regex_limits import DfaError, Steps
from colorfast.policy._regex_nfa import Accept, Fork, Gate, Move, Nfa
from colorfast.policy._regex_sets import NEWLINE, ByteSet


class Side(Enum):
    """What stands on one side of a position."""

    EDGE = "edge of the text"
    NEWLINE = "newline"
    OTHER = "any other byte"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A deterministic automaton that need not be minimal. State 0 is the start.

    A row has the next state for each class of bytes, or -1 where no text can go on.
    """

    classes: bytes
    """The class of each byte, in the order in which the bytes come to them."""
    rows: list[list[int]]
    accepting: set[int]


_Subset: TypeAlias = tuple[frozenset[int], Side]
"""The places that are possible, and what was read last if a gate still wants to know."""


def determinise(nfa: Nfa, steps: Steps, max_states: int) -> Rows:
    """*nfa* with one state for each set of places that is possible at a time.

    Raises DfaError when there are more than *max_states* of them, or when *steps* run out.
    """
    return _Subsets(nfa, steps, max_states).run()


class _Subsets:
    def __init__(self, nfa: Nfa, steps: Steps, max_states: int) -> None:
        self.nfa = nfa
        self.steps = steps
        self.max_states = max_states
        sets = _sets(nfa)
        self.classes = _classes(sets, steps)
        self.width = max(self.classes) + 1
        self.classes_of = {some: frozenset(self.classes[byte] for byte in some) for some in sets}
        self.newline = self.classes[0x0A]
        self.gates = {at for at, place in enumerate(nfa.places) if isinstance(place, Gate)}
        self.numbers: dict[_Subset, int] = {}
        self.subsets: list[_Subset] = []
        self.known: dict[_Subset, int] = {}

    def run(self) -> Rows:
        rows: list[list[int]] = []
        self._number(frozenset([self.nfa.start]), Side.EDGE)
        while len(rows) < len(self.subsets):
            rows.append(self._row(self.subsets[len(rows)]))
        accepting = {state for state, subset in enumerate(self.subsets) if self._accepts(subset)}
        return Rows(classes=self.classes, rows=rows, accepting=accepting)

    def _row(self, subset: _Subset) -> list[int]:
        ways = self._ways(subset[0])
        if self._waits(subset[0]):
            ways[self.newline] = self._ways(self._seen(subset, Side.NEWLINE))[self.newline]
        return [
            self._number(frozenset(to), Side.NEWLINE if at == self.newline else Side.OTHER)
            if to
            else -1
            for at, to in enumerate(ways)
        ]

    def _ways(self, places: Iterable[int]) -> list[set[int]]:
        ways: list[set[int]] = [set() for _ in range(self.width)]
        for place in places:
            move = self.nfa.places[place]
            if isinstance(move, Move):
                classes = self.classes_of[move.bytes]
                self.steps.spend(len(classes))
                for at in classes:
                    ways[at].add(move.to)
        self.steps.spend(len(ways))
        return ways

    def _number(self, seeds: frozenset[int], before: Side) -> int:
        number = self.known.get((seeds, before))
        if number is None:
            places = self._reach(seeds, before, None)
            subset = (places, before if self._waits(places) else Side.OTHER)
            number = self.numbers.setdefault(subset, len(self.numbers))
            self.known[seeds, before] = number
            if number == len(self.subsets):
                if number >= self.max_states:
                    raise DfaError("needs too many states")
                self.subsets.append(subset)
        return number

    def _seen(self, subset: _Subset, after: Side) -> frozenset[int]:
        """The places once it is known what follows."""
        places, before = subset
        return self._reach(places, before, after) if self._waits(places) else places

    def _waits(self, places: frozenset[int]) -> bool:
        return not self.gates.isdisjoint(places)

    def _accepts(self, subset: _Subset) -> bool:
        ends = self._seen(subset, Side.EDGE)
        return any(isinstance(self.nfa.places[place], Accept) for place in ends)

    def _reach(self, seeds: Iterable[int], before: Side, after: Side | None) -> frozenset[int]:
        """Where one gets to without reading: moves, ends, and gates that wait for what follows."""
        reached = set()
        seen = set(seeds)
        todo = list(seen)
        while todo:
            place = todo.pop()
            onward = self._onward(place, before, after)
            self.steps.spend(1 + len(onward))
            if onward == (place,):
                reached.add(place)
            else:
                todo += [to for to in onward if to not in seen]
                seen.update(onward)
        return frozenset(reached)

    def _onward(self, at: int, before: Side, after: Side | None) -> tuple[int, ...]:
        match self.nfa.places[at]:
            case Fork(to):
                return to
            case Gate(look, to):
                holds = _holds(look, before, after)
                return (at,) if holds is None else (to,) if holds else ()
            case _:
                return (at,)


def _holds(look: Look, before: Side, after: Side | None) -> bool | None:
    match look:
        case Look.TEXT_START:
            return before is Side.EDGE
        case Look.LINE_START:
            return before is not Side.OTHER
        case _ if after is None:
            return None
        case Look.TEXT_END:
            return after is Side.EDGE
        case _:
            return after is not Side.OTHER


def _sets(nfa: Nfa) -> list[ByteSet]:
    """The sets of bytes that make a difference; a gate asks for newlines."""
    moves = (place.bytes for place in nfa.places if isinstance(place, Move))
    gates = (NEWLINE for place in nfa.places if isinstance(place, Gate))
    return list(dict.fromkeys([*moves, *gates]))


def _classes(sets: list[ByteSet], steps: Steps) -> bytes:
    """The class of each byte: those of one class are in the same sets."""
    found_in: list[list[int]] = [[] for _ in range(256)]
    for number, some in enumerate(sets):
        steps.spend(len(some))
        for byte in some:
            found_in[byte].append(number)
    numbers: dict[tuple[int, ...], int] = {}
    return bytes(numbers.setdefault(tuple(sign), len(numbers)) for sign in found_in)
