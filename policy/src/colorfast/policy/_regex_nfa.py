"""A regex tree as a byte-level automaton with several ways to go on (Thompson's construction)."""

from dataclasses import dataclass
from typing import TypeAlias

from colorfast.policy._regex_ast import At, Concat, Either, Look, Node, OneOf, Repeat
from colorfast.policy._regex_limits import PLACE, DfaError, Steps
from colorfast.policy._regex_sets import ByteSet


@dataclass(frozen=True, slots=True)
class Move:
    """Read one of *bytes*, go on at *to*."""

    bytes: ByteSet
    to: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Go on at any of *to*, without reading."""

    to: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """Go on at *to* where *look* holds, without reading."""

    look: Look
    to: int


@dataclass(frozen=True, slots=True)
class Accept:
    """The text may end here."""


Place: TypeAlias = Move | Fork | Gate | Accept


@dataclass(frozen=True, slots=True, kw_only=True)
class Nfa:
    """The places, each known by its index, and the index of the first."""

    places: tuple[Place, ...]
    start: int


def build(tree: Node, steps: Steps) -> Nfa:
    """The automaton of *tree*. Raises DfaError for what is not supported, or too large."""
    builder = _Builder(steps)
    start = builder.before(tree, builder.add(Accept()))
    return Nfa(places=tuple(builder.places), start=start)


class _Builder:
    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.places: list[Place] = []
        self.moves: dict[Move, int] = {}

    def add(self, place: Place) -> int:
        self.steps.spend(PLACE)
        self.places.append(place)
        return len(self.places) - 1

    def before(self, node: Node, to: int) -> int:
        """Where to start so that whatever *node* takes leads to *to*."""
        self.steps.spend()
        match node:
            case OneOf():
                return self._move(Move(node.bytes, to))
            case At():
                return self._at(node.look, to)
            case Concat():
                for item in reversed(node.items):
                    to = self.before(item, to)
                return to
            case Either():
                return self._fork([self.before(option, to) for option in node.options])
            case Repeat():
                return self._repeat(node, to)

    def _move(self, move: Move) -> int:
        if move not in self.moves:  # alternatives share their ends
            self.moves[move] = self.add(move)
        return self.moves[move]

    def _fork(self, to: list[int]) -> int:
        ways = tuple(dict.fromkeys(to))
        return ways[0] if len(ways) == 1 else self.add(Fork(ways))

    def _at(self, look: Look, to: int) -> int:
        if look in (Look.WORD_EDGE, Look.NO_WORD_EDGE):
            raise DfaError(f"{look} is not supported")
        return self.add(Gate(look, to))

    def _repeat(self, node: Repeat, to: int) -> int:
        copies = node.least
        if node.most is None:
            loop = self.add(Fork(()))
            body = self.before(node.item, loop)
            self.places[loop] = Fork((body, to))
            to, copies = (body, copies - 1) if copies else (loop, 0)
        else:
            end = to
            for _ in range(node.most - node.least):
                to = self._fork([self.before(node.item, to), end])
        for _ in range(copies):
            to = self.before(node.item, to)
        return to
