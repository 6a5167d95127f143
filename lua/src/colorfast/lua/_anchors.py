"""Entries filed under exact values that they demand, so that a request can look them up.

Theory of operation. An entry that demands an exact value somewhere (``exact``, or each value of
``in``) is filed under one such demand, its *anchor*: of several, the one that the fewest entries
share. Entries without an anchor are tried in order. Ranks keep the order of the file.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from colorfast.policy import Attribute, Condition, Entry, Kind, Rule

Candidate: TypeAlias = tuple[int, Entry]
"""A rule's rank, counted from 1, and what its anchor has not proved yet of one of its entries."""

Table: TypeAlias = Mapping[bytes, list[Candidate]]
"""Candidates by the value that they demand, in the order of their ranks."""

_Demand: TypeAlias = tuple[Attribute, bool, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Rules, filed."""

    tables: Mapping[tuple[Attribute, bool], Table]
    """By attribute, and whether letters are folded."""
    rest: tuple[Candidate, ...]
    """The entries without an anchor."""


def fold(value: str) -> bytes:
    """ASCII letters in lower case; every other byte of the UTF-8 as it is."""
    return value.encode().lower()


def file_rules(rules: tuple[Rule, ...]) -> Filed:
    """File the entries of *rules*."""
    entries = [
        (rank, entry) for rank, rule in enumerate(rules, start=1) for entry in rule.entries or ((),)
    ]
    popularity = Counter(demand for _, entry in entries for demand in _demands(entry))
    tables: dict[tuple[Attribute, bool], dict[bytes, list[Candidate]]] = defaultdict(dict)
    rest: list[Candidate] = []
    for rank, entry in entries:
        anchor = _rarest(entry, popularity)
        left = tuple(condition for condition in entry if condition is not anchor)
        if anchor is None:
            rest.append((rank, entry))
            continue
        for attribute, folded, value in _demands((anchor,)):
            tables[attribute, folded].setdefault(value, []).append((rank, left))
    return Filed(tables=dict(tables), rest=tuple(rest))


def _demands(entry: Entry) -> Iterator[_Demand]:
    for condition in entry:
        if condition.kind in (Kind.EXACT, Kind.IN) and not condition.negate:
            write = fold if condition.ignore_case else str.encode
            for value in dict.fromkeys(map(write, condition.values)):
                yield condition.attribute, condition.ignore_case, value


def _rarest(entry: Entry, popularity: Counter[_Demand]) -> Condition | None:
    anchors = [condition for condition in entry if any(_demands((condition,)))]
    return min(
        anchors,
        key=lambda condition: max(popularity[demand] for demand in _demands((condition,))),
        default=None,
    )
