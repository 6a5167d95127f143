"""Regular expressions as Lua: automata over bytes, written as runs of numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from colorfast.lua._literals import text
from colorfast.policy import Condition, Kind, Policy
from colorfast.policy._dfa import Dfa, compile_dfa
from colorfast.policy._regex_limits import DfaError

Key: TypeAlias = tuple[str, bool]
"""A pattern, and whether letters are folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hard:
    """A regex that no automaton of a bearable size decides."""

    rule: str
    pattern: str
    why: str


def key_of(condition: Condition) -> Key:
    """What the automaton of a regex depends on."""
    return condition.values[0], condition.ignore_case


def automata(policy: Policy) -> tuple[dict[Key, str], list[Hard]]:
    """Lua: the automaton of each regex of *policy*; and those that have none."""
    written: dict[Key, str] = {}
    hard: list[Hard] = []
    for rule, condition in _regexes(policy):
        key = key_of(condition)
        if key in written:
            continue
        try:
            written[key] = _automaton(compile_dfa(key[0], ignore_case=key[1]))
        except DfaError as error:
            hard.append(Hard(rule=rule, pattern=key[0], why=str(error)))
    return written, hard


def _regexes(policy: Policy) -> Iterator[tuple[str, Condition]]:
    for rule in policy.active_rules:
        for entry in rule.entries:
            for condition in entry:
                if condition.kind is Kind.REGEX:
                    yield rule.name, condition


def _automaton(dfa: Dfa) -> str:
    ends = (int(state in dfa.accepting) for state in range(dfa.states))
    parts = [text(_runs(numbers)) for numbers in (dfa.classes, dfa.table, ends)]
    return f"automaton({', '.join(parts)}, {'nil' if dfa.dead is None else dfa.dead})"


def _runs(numbers: Iterable[int]) -> str:
    """``1 1 1 2`` as ``1*3 2``."""
    runs = ((number, sum(1 for _ in run)) for number, run in groupby(numbers))
    return " ".join(f"{number}*{times}" if times > 1 else f"{number}" for number, times in runs)
