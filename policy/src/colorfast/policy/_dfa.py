"""Regexes as tables, for those who have no RE2: one look-up a byte, whatever the pattern."""

from dataclasses import dataclass
from typing import Final

from colorfast.policy._regex_limits import DfaError, Steps
from colorfast.policy._regex_minimise import blocks
from colorfast.policy._regex_nfa import build
from colorfast.policy._regex_subsets import Rows, determinise
from colorfast.policy._regex_syntax import parse

MAX_STATES: Final = 1000
STEPS: Final = 1_000_000
"""What the compilation of one pattern may cost at most: about a second."""
_RAW = 5  # how many times more states there may be before they are made fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Dfa:
    """The minimal automaton of a pattern: two patterns that take the same texts have equal ones.

    State 0 is the start; the others are numbered in the order in which the bytes, in their order,
    reach them. Every state has a next one for every class.
    """

    classes: bytes
    """256 entries: the class of each byte. Bytes that no state tells apart share a class."""
    width: int
    """How many classes there are."""
    table: tuple[int, ...]
    """Entry ``state * width + class`` is the next state."""
    accepting: frozenset[int]
    """States in which the text may end."""
    dead: int | None
    """The state that no text leaves and none is taken in, if there is one."""

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.table) // self.width

    def fullmatch(self, data: bytes) -> bool:
        """Whether the pattern takes *data* from its first byte to its last. Linear."""
        classes, width, table, dead = self.classes, self.width, self.table, self.dead
        state = 0
        for byte in data:
            state = table[state * width + classes[byte]]
            if state == dead:
                return False
        return state in self.accepting


def compile_dfa(pattern: str, *, ignore_case: bool = False, max_states: int = MAX_STATES) -> Dfa:
    """The table of *pattern*, an RE2 regex that has to match a whole text.

    RE2 is meant as ``safe_regex`` runs it: on bytes. *ignore_case* is ``(?i)``. Raises DfaError,
    within a bounded number of steps, for what cannot be a table of at most *max_states* states.
    """
    return compile_within(Steps(STEPS), pattern, ignore_case=ignore_case, max_states=max_states)


def compile_within(steps: Steps, pattern: str, *, ignore_case: bool, max_states: int) -> Dfa:
    """As compile_dfa, with a budget of its own."""
    tree = parse(pattern, ignore_case=ignore_case, steps=steps)
    rows = determinise(build(tree, steps), steps, _RAW * max_states)
    quotient = _quotient(rows, blocks(rows, steps))
    if len(quotient) > max_states:
        raise DfaError(f"needs more than {max_states} states")
    return _table(rows, quotient)


@dataclass(frozen=True, slots=True)
class _State:
    row: tuple[int, ...]
    accepting: bool


def _quotient(rows: Rows, block: list[int]) -> list[_State]:
    """One state a block, in breadth-first order. Block -1 is a state like any other."""
    rows_of = {number: row for number, row in zip(block, rows.rows, strict=True) if number >= 0}
    accepting = {block[state] for state in rows.accepting}
    dead_row = [-1] * (max(rows.classes) + 1)
    order = {block[0]: 0}
    todo = [block[0]]
    found = []
    for number in todo:
        row = [block[to] if to >= 0 else -1 for to in rows_of.get(number, dead_row)]
        for to in row:
            if to not in order:
                order[to] = len(order)
                todo.append(to)
        found.append(_State(tuple(order[to] for to in row), number in accepting))
    return found


def _table(rows: Rows, states: list[_State]) -> Dfa:
    columns = list(zip(*(state.row for state in states), strict=True))
    numbers = {column: number for number, column in enumerate(dict.fromkeys(columns))}
    return Dfa(
        classes=bytes(numbers[columns[at]] for at in rows.classes),
        width=len(numbers),
        table=tuple(to for row in zip(*numbers, strict=True) for to in row),
        accepting=frozenset(at for at, state in enumerate(states) if state.accepting),
        dead=_dead(states),
    )


def _dead(states: list[_State]) -> int | None:
    for at, state in enumerate(states):
        if not state.accepting and set(state.row) == {at}:
            return at
    return None
