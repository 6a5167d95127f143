"""Breadth first through the states of a system: the first break of a kind is a shortest one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from colorfast.release.verify._system import Move, State, System


@dataclass
class Space:
    """The states of a system, found as far as somebody has asked, in order of their distance."""

    system: System
    start: State | None = None
    """Where to begin; None for the system's own start."""
    _states: list[State] = field(default_factory=list)
    _came: dict[State, tuple[State, Move] | None] = field(default_factory=dict)
    _depths: list[int] = field(default_factory=list)
    _looked_at: int = 0
    _ends: set[State] = field(default_factory=set)
    _left: dict[State, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._add(self.start or self.system.start, None)

    def __len__(self) -> int:
        return len(self._states)

    def states(self) -> Iterator[State]:
        """Every state, nearest first."""
        index = 0
        while True:
            if index == len(self._states):
                return
            if index == self._looked_at:
                self._look_ahead()
            yield self._states[index]
            index += 1

    def is_end(self, state: State) -> bool:
        """Whether nothing leads away from *state*, which has been yielded."""
        return state in self._ends

    def depth(self, index: int) -> int:
        """How many moves the state at *index* is away."""
        return self._depths[index]

    def trace(self, state: State) -> tuple[Move, ...]:
        """A shortest way from the start to *state*."""
        moves = []
        came = self._came[state]
        while came is not None:
            state, move = came
            moves.append(move)
            came = self._came[state]
        return tuple(reversed(moves))

    def left(self, state: State) -> State:
        """The last state before *state* in which the release was not given up yet."""
        return self._left.get(state, state)

    def _look_ahead(self) -> None:
        state = self._states[self._looked_at]
        self._looked_at += 1
        moves = tuple(self.system.moves(state))
        if all(after == state for _, after in moves):
            self._ends.add(state)
        for move, after in moves:
            if after not in self._came:
                self._add(after, (state, move), self._depths[self._looked_at - 1] + 1)

    def _add(self, state: State, came: tuple[State, Move] | None, depth: int = 0) -> None:
        self._depths.append(depth)
        self._came[state] = came
        if state.back and came is not None:
            self._left[state] = self.left(came[0])
        self._states.append(state)
