"""First match wins, as Lua: ``choose()`` gives the rank of the rule that takes the request.

A rank counts while it is lower, that is earlier in the file, than the best one found so far. A
table's value is a rank when the look-up has proved all that an entry demands, else a function that
tries what is left.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from colorfast.lua._anchors import Candidate, Filed, Table, file_rules
from colorfast.lua._conditions import Conditions
from colorfast.lua._literals import comment, text
from colorfast.lua._slots import Slots
from colorfast.policy import Attribute, Rule, Source, Split

_MANY = {Source.HEADER: 16, Source.COOKIE: 8, Source.QUERY: 8}
"""Past this many names of a source it is cheaper to go by the names that the request has. Envoy's
header iterator is dear: a step of it costs as much as two look-ups."""


class Rules:
    """The active *rules*, ranked from 1 in the order of the file."""

    def __init__(self, rules: tuple[Rule, ...], slots: Slots, conditions: Conditions) -> None:
        self._rules = rules
        self._slots = slots
        self._conditions = conditions
        filed = file_rules(rules)
        self._tables, self._rest = filed.tables, filed.rest
        self._crowds = tuple(source for source, many in _MANY.items() if self._names(source) > many)
        self._once = _headers_read_once(rules, filed) if not self._crowds else frozenset()

    def remembers(self, reads: frozenset[Attribute]) -> bool:
        """Whether any of what is read has to be remembered, for it may be asked for again."""
        return not reads <= self._once

    def only_look_up(self, reads: frozenset[Attribute]) -> bool:
        """Whether all that the rules do is to look values up: nothing of that can fail."""
        plain = all(map(_is_plain, self._tables.values()))
        splits = any(isinstance(rule.gives, Split) for rule in self._rules)
        tests = any(left for _, left in self._rest)
        return plain and not (tests or splits or self.remembers(reads))

    def tables(self) -> Iterator[str]:
        """Lua: ranks by exact value."""
        for folds, name in ((False, "EXACT"), (True, "FOLDED")):
            tables = [item for item in self._tables.items() if item[0][1] is folds]
            if tables or self._crowds:
                yield f"local {name} = {{"
                for (attribute, _), table in tables:
                    yield f"  [{self._slots.of(attribute)}] = {{ -- {comment(str(attribute))}"
                    yield from self._table(table)
                    yield "  },"
                yield "}"

    def choose(self) -> Iterator[str]:
        """Lua: ``choose()``; one past the last rank stands for no rule at all."""
        asked = [key for key in self._tables if key[0].source not in self._crowds]
        found = [self._found(attribute, folds=folds) for attribute, folds in asked]
        nothing = len(self._rules) + 1
        yield "local function choose()"
        if found and _is_plain(self._tables[asked[0]]):
            # Whatever the first table has is the best so far.
            yield f"  local best = {found.pop(0)} or {nothing}"
        else:
            yield f"  local best = {nothing}"
        yield from (f"  best = better({one}, best)" for one in found)
        yield from (f"  best = {self._walk(source)}" for source in self._crowds)
        yield from self._tries(self._rest, "  ")
        yield "end"

    def _names(self, source: Source) -> int:
        return len({attribute for attribute, _ in self._tables if attribute.source is source})

    def _found(self, attribute: Attribute, *, folds: bool) -> str:
        slot = self._slots.of(attribute)
        value = f"value({slot})"
        if attribute in self._once:
            value = f"headers:get({text(attribute.name)})"
        return f"FOLDED[{slot}][fold({value})]" if folds else f"EXACT[{slot}][{value}]"

    def _walk(self, source: Source) -> str:
        match source:
            case Source.HEADER:
                return "walk_headers(best)"
            case Source.COOKIE:
                return f"walk_cookies(best, {self._slots.container(source)})"
            case _:
                return f"walk_query(best, {self._slots.container(source)})"

    def _table(self, table: Table) -> Iterator[str]:
        for value, candidates in table.items():
            rank, left = candidates[0]
            if left:
                yield f"    [{text(value)}] = function(best)"
                yield from self._tries(candidates, "      ")
                yield "    end,"
            else:
                yield f"    [{text(value)}] = {rank},"

    def _tries(self, candidates: Iterable[Candidate], indent: str) -> Iterator[str]:
        for rank, left in candidates:
            rule = self._rules[rank - 1]
            test = f"{rank} < best"
            if left:
                test += f" and {self._conditions.all_of(left)}"
            yield f"{indent}if {test} then return {rank} end -- {comment(rule.name)}"
            if not left:  # it takes whatever comes here
                break
        yield f"{indent}return best"


def _is_plain(table: Table) -> bool:
    """Whether every look-up in *table* ends with a rank."""
    return not any(left for candidates in table.values() for _, left in candidates[:1])


def _headers_read_once(rules: Iterable[Rule], filed: Filed) -> frozenset[Attribute]:
    """The headers that one look-up reads, and nothing else does."""
    candidates = chain(filed.rest, *(found for t in filed.tables.values() for found in t.values()))
    again = {condition.attribute for _, left in candidates for condition in left}
    again |= {one for rule in rules if isinstance(rule.gives, Split) for one in rule.gives.by}
    look_ups = Counter(attribute for attribute, _ in filed.tables)
    return frozenset(
        attribute
        for attribute, times in look_ups.items()
        if times == 1 and attribute.source is Source.HEADER and attribute not in again
    )
