"""The smallest automaton that takes the same texts (Hopcroft's algorithm, on live states only)."""

from collections import defaultdict
from typing import TypeAlias

from colorfast.policy._regex_limits import Steps
from colorfast.policy._regex_subsets import Rows

_Back: TypeAlias = list[list[tuple[int, int]]]
"""For each state, the class and the state of each transition that leads to it."""


def blocks(rows: Rows, steps: Steps) -> list[int]:
    """For each state the number of its block: states of one block take the same texts.

    -1 is the block of the states from which no text is taken. Raises DfaError when *steps* run out.
    """
    back = _backwards(rows)
    steps.spend(sum(map(len, back)))
    live = _live(rows.accepting, back)
    return _refine(live, rows.accepting, back, steps, len(rows.rows))


def _backwards(rows: Rows) -> _Back:
    back: _Back = [[] for _ in rows.rows]
    for state, row in enumerate(rows.rows):
        for at, to in enumerate(row):
            if to >= 0:
                back[to].append((at, state))
    return back


def _live(accepting: set[int], back: _Back) -> set[int]:
    live = set(accepting)
    todo = list(accepting)
    while todo:
        before = {state for _, state in back[todo.pop()]} - live
        live |= before
        todo += before
    return live


def _refine(
    live: set[int], accepting: set[int], back: _Back, steps: Steps, count: int
) -> list[int]:
    parts = [part for part in (set(accepting), live - accepting) if part]
    block = [-1] * count
    for number, part in enumerate(parts):
        for state in part:
            block[state] = number
    # Not only the smaller half at first: a state may have no transition at all for a class.
    todo = set(range(len(parts)))
    while todo:
        splitter = parts[todo.pop()]
        steps.spend(sum(len(back[state]) for state in splitter))
        for hit in _hits(splitter, back, live):
            for number, inside in _by_block(hit, block).items():
                if len(inside) < len(parts[number]):
                    _split(number, inside, parts, block, todo)
    return block


def _hits(splitter: set[int], back: _Back, live: set[int]) -> list[list[int]]:
    hits: dict[int, list[int]] = defaultdict(list)
    for to in splitter:
        for at, state in back[to]:
            if state in live:
                hits[at].append(state)
    return list(hits.values())


def _by_block(states: list[int], block: list[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for state in states:
        found[block[state]].add(state)
    return found


def _split(
    number: int, inside: set[int], parts: list[set[int]], block: list[int], todo: set[int]
) -> None:
    part = parts[number]
    small = inside if 2 * len(inside) <= len(part) else part - inside
    part -= small
    parts.append(small)
    for state in small:
        block[state] = len(parts) - 1
    # If the old one still waits, both halves must; else the smaller one will do.
    todo.add(len(parts) - 1)
