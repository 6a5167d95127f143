"""The policy as every backend sees it: frozen values, valid by construction, no YAML, no IO.

The loader builds these after every check has passed; the engine, the explainer and the compilers
read them. Text is ``str`` as it stood in the file; matching encodes it as UTF-8.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from colorfast.lane import LaneSet, Member

BUCKETS = 10_000
"""How many buckets a split has; weights are parts of this."""


class Source(StrEnum):
    """Where in a request a value is read."""

    HEADER = "header"
    COOKIE = "cookie"
    QUERY = "query"
    PATH = "path"
    METHOD = "method"
    HOST = "host"
    SOURCE_IP = "sourceIp"


class Kind(StrEnum):
    """How a value is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    CONTAINS = "contains"
    REGEX = "regex"
    IN = "in"
    PRESENT = "present"
    CIDR = "cidr"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One value of a request: a *source*, and a *name* where the source holds several."""

    source: Source
    name: str = ""

    def __str__(self) -> str:
        return f"{self.source} {self.name}" if self.name else str(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison. *values* is one text, several for IN and CIDR, none for PRESENT."""

    attribute: Attribute
    kind: Kind
    values: tuple[str, ...] = ()
    ignore_case: bool = False
    negate: bool = False


Entry = tuple[Condition, ...]
"""Conditions that must all hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One lane's consecutive range of buckets: *start* <= bucket < *end*."""

    lane: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Lanes by sticky hash. *otherwise* None draws a bucket at random."""

    by: tuple[Attribute, ...]
    salt: str
    shares: tuple[Share, ...]
    otherwise: str | None

    def lane_of(self, bucket: int) -> str:
        """The lane of *bucket*, 0 to 9,999."""
        return next(share.lane for share in self.shares if bucket < share.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. *entries* are alternatives; none at all matches every request."""

    name: str
    entries: tuple[Entry, ...]
    gives: str | Split
    enabled: bool = True
    position: tuple[int, int] = field(default=(0, 0), compare=False)
    """Line and column in the file, for what a backend has to say about the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the entrance makes of what clients send."""

    accept: LaneSet
    """Lanes that a client may choose; empty with ``client: drop``."""
    keep_baggage: bool = True
    max_members: int = 64
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A LanePolicy: who gets which lane, and where the lane is written."""

    name: str
    header: str
    member: Member
    baseline: str
    lanes: LaneSet
    parents: tuple[tuple[str, str], ...]
    edge: Edge
    default: str | None
    rules: tuple[Rule, ...]
    file: str = field(default="<policy>", compare=False)
    """The name of the file, for what a backend has to say about it."""
    digest: str = field(init=False, compare=False)
    """Hash of the whole policy, 16 hexadecimal digits: the same policy has the same digest."""

    def __post_init__(self) -> None:
        canonical = json.dumps(self, sort_keys=True, default=_fields)
        object.__setattr__(self, "digest", hashlib.sha256(canonical.encode()).hexdigest()[:16])

    @property
    def active_rules(self) -> tuple[Rule, ...]:
        """The rules that are not parked."""
        return tuple(rule for rule in self.rules if rule.enabled)

    def fallbacks(self, lane: str) -> tuple[str, ...]:
        """Where a hop without *lane* sends it: *lane* first, then its parents, then baseline."""
        chain = [lane]
        parents = dict(self.parents)
        while chain[-1] in parents:
            chain.append(parents[chain[-1]])
        return tuple(dict.fromkeys([*chain, self.baseline]))

    def reads(self) -> frozenset[Attribute]:
        """What the rules look at. Lane header and baggage come on top, at either station."""
        return frozenset(self._attributes())

    @property
    def draws(self) -> bool:
        """Whether a rule draws lanes: the same request may get another one the next time."""
        gives = (rule.gives for rule in self.active_rules)
        return any(isinstance(split, Split) and split.otherwise is None for split in gives)

    def _attributes(self) -> Iterator[Attribute]:
        for rule in self.active_rules:
            for entry in rule.entries:
                for condition in entry:
                    yield condition.attribute
            if isinstance(rule.gives, Split):
                yield from rule.gives.by


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value) if field.compare}
