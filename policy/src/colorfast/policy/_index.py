"""First match wins, at a cost that does not grow with the number of exact-match rules.

Theory of operation. Every entry that demands an exact value somewhere (``exact``, or each value of
``in``) is filed under one such demand, its *anchor*: of several, the one that the fewest entries
share. A request looks its own values up, so it meets only entries whose anchor it satisfies; the
entries without an anchor are tried in order. Ranks keep the order of the file: a candidate is tried
only while it would come before the best one found so far.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from colorfast.policy._ir import Attribute, Condition, Entry, Kind, Rule, Source
from colorfast.policy._match import Predicate, fold, predicate
from colorfast.policy._request import Reader, Request, reader

_MANY = 8
"""Past this many tables of one source it is cheaper to go by the names that the request has."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An entry of the rule at *rank*; *tests* is what its anchor has not proved yet."""

    rank: int
    tests: tuple[tuple[Reader, Predicate], ...]

    def holds(self, request: Request) -> bool:
        for read, test in self.tests:
            if not test(read(request)):
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Table:
    """Candidates of one attribute by the value that they demand."""

    read: Reader
    folded: bool
    candidates: dict[bytes, list[_Candidate]]

    def of(self, request: Request) -> Iterable[_Candidate]:
        value = self.read(request)
        if value is None:
            return ()
        return self.candidates.get(fold(value) if self.folded else value, ())


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
            tests = tuple(
                (reader(condition.attribute), predicate(condition))
                for condition in entry
                if condition is not anchor
            )
            candidate = _Candidate(rank, tests)
            if anchor is None:
                self._scan.append(candidate)
                continue
            for attribute, folded, value in _demands((anchor,)):
                tables[attribute, folded].setdefault(value, []).append(candidate)
        self._sources = _group(tables)

    def first(self, request: Request) -> Rule | None:
        """The first rule that matches, or None."""
        best = len(self._rules)
        for table in self._tables(request):
            for candidate in table.of(request):
                if candidate.rank >= best:
                    break
                if candidate.holds(request):
                    best = candidate.rank
                    break
        for candidate in self._scan:
            if candidate.rank >= best:
                break
            if candidate.holds(request):
                best = candidate.rank
                break
        return self._rules[best] if best < len(self._rules) else None

    def _tables(self, request: Request) -> Iterator[_Table]:
        for source, by_name in self._sources:
            if len(by_name) <= _MANY:
                for tables in by_name.values():
                    yield from tables
            else:
                for name in _names(source, request):
                    yield from by_name.get(name, ())


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


_Grouped = tuple[tuple[Source, dict[str, list[_Table]]], ...]


def _group(tables: dict[tuple[Attribute, bool], dict[bytes, list[_Candidate]]]) -> _Grouped:
    grouped: dict[Source, dict[str, list[_Table]]] = {}
    for (attribute, folded), candidates in tables.items():
        table = _Table(reader(attribute), folded, candidates)
        grouped.setdefault(attribute.source, {}).setdefault(attribute.name, []).append(table)
    return tuple(grouped.items())


def _names(source: Source, request: Request) -> Iterable[str]:
    if source is Source.HEADER:
        return request.headers
    values = request.cookies if source is Source.COOKIE else request.query
    return [name.decode("utf-8", "surrogateescape") for name in values]
