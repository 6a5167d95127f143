"""Regular expressions as Lua: automata over bytes, written as runs of numbers."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeAlias

from colorfast.lua._errors import hard_regex
from colorfast.lua._literals import text
from colorfast.policy import (
    Condition,
    Dfa,
    DfaError,
    Diagnostic,
    Kind,
    Policy,
    Rule,
    compile_dfa,
)

Key: TypeAlias = tuple[str, bool]
"""A pattern, and whether letters are folded."""


def key_of(condition: Condition) -> Key:
    """What the automaton of a regex depends on."""
    return condition.values[0], condition.ignore_case


def automata(policy: Policy) -> tuple[dict[Key, str], tuple[Diagnostic, ...]]:
    """Lua: the automaton of each regex of *policy*; and each rule whose regex has none."""
    written: dict[Key, str] = {}
    hard: dict[Key, str] = {}
    found: list[Diagnostic] = []
    for rule, condition in _regexes(policy):
        key = key_of(condition)
        if key not in written and key not in hard:
            try:
                written[key] = _automaton(compile_dfa(key[0], ignore_case=key[1]))
            except DfaError as error:
                hard[key] = error.what
        if key in hard:
            found.append(hard_regex(policy, rule, key[0], hard[key]))
    # An entry of a rule may say what another one says.
    return written, tuple(dict.fromkeys(found))


def _regexes(policy: Policy) -> Iterator[tuple[Rule, Condition]]:
    for rule in policy.active_rules:
        for entry in rule.entries:
            for condition in entry:
                if condition.kind is Kind.REGEX:
                    yield rule, condition


def _automaton(dfa: Dfa) -> str:
    ends = (int(state in dfa.accepting) for state in range(dfa.states))
    parts = [text(_runs(numbers)) for numbers in (dfa.classes, dfa.table, ends)]
    return f"automaton({', '.join(parts)}, {'nil' if dfa.dead is None else dfa.dead})"


def _runs(numbers: Iterable[int]) -> str:
    """``1 1 1 2`` as ``1*3 2``."""
    runs = ((number, sum(1 for _ in run)) for number, run in groupby(numbers))
    return " ".join(f"{number}*{times}" if times > 1 else f"{number}" for number, times in runs)
