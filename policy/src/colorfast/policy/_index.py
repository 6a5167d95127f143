"""First match wins, at a cost that does not grow with the number of exact-match rules.

Theory of operation. Every entry that demands an exact value somewhere (``exact``, or each value of
``in``) is filed under one such demand, its *anchor*: of several, the one that the fewest entries
share. A request looks its own values up, so it meets only entries whose anchor it satisfies; the
entries without an anchor are tried in order. Ranks keep the order of the file: a candidate is tried
only while it would come before the best one found so far.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from colorfast.policy._ir import Attribute, Condition, Entry, Kind, Rule, Source
from colorfast.policy._match import fold
from colorfast.policy._questions import Question, question
from colorfast.policy._request import Reader, Request, reader

_MANY = 8
"""Past this many tables of one source it is cheaper to go by the names that the request has."""

_Candidate: TypeAlias = tuple[int, tuple[Question, ...]]
"""The rank of a rule, and what an entry's anchor has not proved yet."""

_Table: TypeAlias = tuple[Reader, bool, dict[bytes, list[_Candidate]]]
"""Candidates by the value that they demand of an attribute; whether its case is folded."""


class RuleIndex:
    """The rules of a policy, filed for look-up."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._scan: list[_Candidate] = []
        tables: dict[tuple[Attribute, bool], dict[bytes, list[_Candidate]]] = defaultdict(dict)
        entries = [
            (rank, entry) for rank, rule in enumerate(rules) for entry in rule.entries or ((),)
        ]
        popularity = Counter(demand for _, entry in entries for demand in _demands(entry))
        for rank, entry in entries:
            anchor = _rarest(entry, popularity)
            candidate = rank, tuple(question(one) for one in entry if one is not anchor)
            if anchor is None:
                self._scan.append(candidate)
                continue
            for attribute, folded, value in _demands((anchor,)):
                tables[attribute, folded].setdefault(value, []).append(candidate)
        self._few, self._many = _split_up(tables)

    def first(self, request: Request) -> Rule | None:
        """The first rule that matches, or None."""
        best = len(self._rules)
        for table in self._few:
            best = _looked_up(table, request, best)
        for source, by_name in self._many:
            for name in _names(source, request):
                for table in by_name.get(name, ()):
                    best = _looked_up(table, request, best)
        best = _best(self._scan, request, best)
        return self._rules[best] if best < len(self._rules) else None


def _looked_up(table: _Table, request: Request, best: int) -> int:
    """As ``_best``, of the candidates that demand the value which the request has."""
    read, folded, by_value = table
    value = read(request)
    if value is None:
        return best
    candidates = by_value.get(fold(value) if folded else value)
    return best if candidates is None else _best(candidates, request, best)


def _best(candidates: Iterable[_Candidate], request: Request, best: int) -> int:
    """The rank of the first candidate that holds, if it comes before *best*, else *best*."""
    for rank, questions in candidates:
        if rank >= best:
            break
        for ask in questions:
            if not ask(request):
                break
        else:
            return rank
    return best


def _demands(entry: Entry) -> Iterator[tuple[Attribute, bool, bytes]]:
    for condition in entry:
        if condition.kind in (Kind.EXACT, Kind.IN) and not condition.negate:
            for text in dict.fromkeys(condition.values):
                value = text.encode()
                folded = condition.ignore_case
                yield condition.attribute, folded, fold(value) if folded else value


def _rarest(entry: Entry, popularity: Counter[tuple[Attribute, bool, bytes]]) -> Condition | None:
    anchors = [condition for condition in entry if any(_demands((condition,)))]
    return min(
        anchors,
        key=lambda condition: max(popularity[demand] for demand in _demands((condition,))),
        default=None,
    )


_Tables: TypeAlias = dict[tuple[Attribute, bool], dict[bytes, list[_Candidate]]]
_ByName: TypeAlias = dict[str, list[_Table]]


def _split_up(tables: _Tables) -> tuple[list[_Table], list[tuple[Source, _ByName]]]:
    """Tables that every request is looked up in, and those found by the names that it has."""
    by_source: dict[Source, _ByName] = {}
    for (attribute, folded), candidates in tables.items():
        table = reader(attribute), folded, candidates
        by_source.setdefault(attribute.source, {}).setdefault(attribute.name, []).append(table)
    few = [
        table
        for by_name in by_source.values()
        if len(by_name) <= _MANY
        for same_name in by_name.values()
        for table in same_name
    ]
    return few, [(source, names) for source, names in by_source.items() if len(names) > _MANY]


def _names(source: Source, request: Request) -> Iterable[str]:
    if source is Source.HEADER:
        return request.headers
    values = request.cookies if source is Source.COOKIE else request.query
    return [name.decode("utf-8", "surrogateescape") for name in values]
