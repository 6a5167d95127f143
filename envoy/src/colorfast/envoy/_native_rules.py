"""Rules as one match tree: first match wins, exact values by look-up.

Theory of operation. Every entry of every rule is an item, in order. Items that demand an exact
value of the same attribute gather in a block, which is one look-up however many there are; a block
is closed by an item that could win over a later one of it. An item may join an earlier block past
items that it commutes with: those with the same outcome, or that cannot hold for the same request.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from colorfast.envoy import _parts as parts
from colorfast.envoy._native_conditions import predicate
from colorfast.envoy._native_values import RANDOM, Values
from colorfast.envoy._types import Json
from colorfast.policy import Attribute, Condition, Entry, Kind, Rule, Source, Split
from colorfast.policy._split import seed_of

Leaf: TypeAlias = Callable[[str], Json]
"""On match: give this lane."""

_FEW = 3
"""Up to so many comparisons in a row are as good as a look-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a rule; *tests* must all hold, none at all always do."""

    tests: tuple[tuple[Condition, Json], ...]
    gives: str | Split
    demands: dict[Attribute, frozenset[str]]

    def commutes(self, other: "Item") -> bool:
        """Whether it makes no difference which of the two comes first."""
        return self.gives == other.gives or any(
            self.demands[attribute].isdisjoint(other.demands[attribute])
            for attribute in self.demands.keys() & other.demands.keys()
        )


@dataclass(slots=True)
class _Block:
    anchor: Attribute | None
    items: list[Item] = field(default_factory=list)


def items(values: Values, rule: Rule) -> Iterator[Item]:
    """The entries of *rule* that can match at all. Raises Inexpressible."""
    for entry in rule.entries or ((),):
        tests = [(condition, predicate(values, condition)) for condition in entry]
        if any(test is False for _, test in tests):
            continue
        left = tuple((condition, test) for condition, test in tests if not isinstance(test, bool))
        yield Item(tests=left, gives=rule.gives, demands=_demands(entry))


def decide(values: Values, found: Iterable[Item], leaf: Leaf, otherwise: Json | None) -> Json:
    """Matcher: the first item that holds, else *otherwise*."""
    blocks, last = _arrange(list(found))
    if last is not None:
        otherwise = gives(values, last.gives, leaf)
    if len(blocks) == 1 and _is_table(blocks[0]):
        return _table(values, blocks[0], leaf, otherwise)
    branches = [branch for block in blocks for branch in _branches(values, block, leaf)]
    return parts.first_of(branches, otherwise)


def gives(values: Values, outcome: str | Split, leaf: Leaf) -> Json:
    """On match: the lane, or the lane of the request's bucket."""
    if isinstance(outcome, str):
        return leaf(outcome)
    seed = seed_of(outcome.salt)
    branches = [
        (values.not_empty(key), _buckets(values.input(key), seed, outcome, leaf))
        for key in outcome.by
    ]
    if outcome.otherwise is not None:
        return parts.nested(parts.first_of(branches, leaf(outcome.otherwise)))
    # Any seed does for a value that is drawn anew for every request.
    return parts.nested(
        parts.first_of(branches, _buckets(parts.state(RANDOM), seed, outcome, leaf))
    )


def _buckets(value: Json, seed: int, split: Split, leaf: Leaf) -> Json:
    shares = [share for share in split.shares if share.start < share.end]
    upper = [
        (parts.bucket_from(value, seed, share.start), leaf(share.lane))
        for share in reversed(shares[1:])
    ]
    first = leaf(shares[0].lane)
    return parts.nested(parts.first_of(upper, first)) if upper else first


def _arrange(found: list[Item]) -> tuple[list[_Block], Item | None]:
    """Blocks in order, and the item behind which nothing comes."""
    last = next((number for number, item in enumerate(found) if not item.tests), None)
    reachable = found if last is None else found[:last]
    popular = Counter(attribute for item in reachable for attribute in item.demands)
    blocks: list[_Block] = []
    for item in reachable:
        anchor = max(item.demands, key=lambda a: popular[a], default=None)
        _place(blocks, anchor, item)
    return blocks, None if last is None else found[last]


def _place(blocks: list[_Block], anchor: Attribute | None, item: Item) -> None:
    for block in reversed(blocks):
        if block.anchor == anchor:
            block.items.append(item)
            return
        if not all(map(item.commutes, block.items)):
            break
    blocks.append(_Block(anchor, [item]))


def _is_table(block: _Block) -> bool:
    if block.anchor is None:
        return False
    return sum(len(item.demands[block.anchor]) for item in block.items) > _FEW


def _branches(values: Values, block: _Block, leaf: Leaf) -> Iterator[tuple[Json, Json]]:
    if block.anchor is not None and _is_table(block):
        yield values.not_empty(block.anchor), parts.nested(_table(values, block, leaf, None))
        return
    for item in block.items:
        yield parts.every([test for _, test in item.tests]), gives(values, item.gives, leaf)


def _table(values: Values, block: _Block, leaf: Leaf, otherwise: Json | None) -> Json:
    anchor = block.anchor
    assert anchor is not None  # noqa: S101 (a table has one)
    rows: dict[str, list[Item]] = {}
    for item in block.items:
        for text in sorted(item.demands[anchor]):
            rows.setdefault(text, []).append(item)
    found = {text: _row(values, anchor, row, leaf) for text, row in rows.items()}
    return parts.look_up(values.input(anchor), found, otherwise)


def _row(values: Values, anchor: Attribute, row: list[Item], leaf: Leaf) -> Json:
    """On match: the items of one value, without what the look-up has proved."""
    branches: list[tuple[Json, Json]] = []
    for item in row:
        left = [test for condition, test in item.tests if _demand(condition) != anchor]
        if not left:
            last = gives(values, item.gives, leaf)
            return parts.nested(parts.first_of(branches, last)) if branches else last
        branches.append((parts.every(left), gives(values, item.gives, leaf)))
    return parts.nested(parts.first_of(branches))


def _demands(entry: Entry) -> dict[Attribute, frozenset[str]]:
    return {
        attribute: frozenset(condition.values)
        for condition in entry
        if (attribute := _demand(condition)) is not None
    }


def _demand(condition: Condition) -> Attribute | None:
    """The attribute whose exact value a look-up can prove *condition* by."""
    exact = condition.kind in (Kind.EXACT, Kind.IN) and not condition.negate
    # A look-up does not fold, and the host is folded always; an empty cookie has no value there.
    if not exact or condition.ignore_case or condition.attribute.source is Source.HOST:
        return None
    return None if "" in condition.values else condition.attribute
