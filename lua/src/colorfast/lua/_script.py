"""A policy's script for one station."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from colorfast.lua import _stations
from colorfast.lua._assembly import Piece, assemble, stored, written
from colorfast.lua._conditions import Conditions
from colorfast.lua._errors import MAX_BYTES, too_large
from colorfast.lua._lanes import admits, gives
from colorfast.lua._literals import comment
from colorfast.lua._regexes import Key, automata
from colorfast.lua._rules import Rules
from colorfast.lua._slots import Slots
from colorfast.policy import Diagnostic, Policy, Rule

Station: TypeAlias = Literal["dye", "carry"]
"""``dye`` at an entrance, ``carry`` at a hop."""

SourceAddress: TypeAlias = Literal["client", "peer"]
"""Whose address sourceIp is: the client's as far as Envoy trusts to know it (X-Forwarded-For), or
the peer's at the other end of the connection."""

_ADDRESSES = {"client": "downstreamRemoteAddress", "peer": "downstreamDirectRemoteAddress"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LuaScript:
    """A script for ``default_source_code.inline_string`` of Envoy's Lua filter."""

    source: str
    """One self-contained script; empty when the policy cannot be said in Lua."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """Why the script must not be used."""


def compile_lua(
    policy: Policy,
    station: Station,
    *,
    source_address: SourceAddress = "client",
    metadata: bool = False,
    fallback: bool = False,
) -> LuaScript:
    """The script that does at *station* what ``Engine.dye`` or ``Engine.carry`` does.

    *metadata* also puts lane, rule and the policy's digest into the dynamic metadata ``colorfast``.
    With *fallback* the script leaves alone what that metadata says is decided already.
    """
    regexes, hard = automata(policy) if station == "dye" else ({}, ())
    if hard:
        return LuaScript(source="", diagnostics=hard)

    def source_of(part: Policy) -> str:
        writer = _Writer(part, source_address, regexes)
        pieces = writer.dye if station == "dye" else writer.carry
        body = assemble(pieces(tells=metadata, fallback=fallback))
        return "\n".join((*_heading(part, station), body))

    source = source_of(policy)
    size = len(source.encode())
    if size <= MAX_BYTES:
        return LuaScript(source=source)
    rule = _first_too_many(policy, lambda part: len(source_of(part).encode()) > MAX_BYTES)
    return LuaScript(source=source, diagnostics=(too_large(policy, rule, size),))


def _first_too_many(policy: Policy, is_large: Callable[[Policy], bool]) -> Rule | None:
    """The rule with which the script of *policy* gets too large; None when it is without any."""
    rules = policy.active_rules

    def large_with(count: int) -> bool:
        return is_large(replace(policy, rules=rules[:count]))

    count = bisect_left(range(len(rules)), True, key=large_with)
    return rules[count - 1] if count else None


def _heading(policy: Policy, station: Station) -> Iterator[str]:
    yield f"-- Colorfast: policy {comment(policy.name)}, digest {policy.digest}, station {station}."
    yield "-- Generated. Change the policy instead."


class _Writer:
    """Writes the pieces of one policy, each above what uses it."""

    def __init__(
        self, policy: Policy, source_address: SourceAddress, regexes: Mapping[Key, str]
    ) -> None:
        self._policy = policy
        self._slots = Slots(policy, address=f"handle:streamInfo():{_ADDRESSES[source_address]}()")
        self._conditions = Conditions(self._slots, regexes)
        self._rules = Rules(policy.active_rules, self._slots, self._conditions)

    def dye(self, *, tells: bool, fallback: bool) -> Iterator[Piece]:
        """What the entrance takes."""
        policy, slots = self._policy, self._slots
        yield from self._common()
        yield from map(stored, ("commas", "memory", "decode"))
        yield written(slots.tables())
        yield from map(stored, _READERS)
        yield written(slots.value())
        yield from map(stored, _TESTS)
        # Writing the rules fills the constants, which have to stand above them.
        tables, choose = list(self._rules.tables()), list(self._rules.choose())
        yield written(self._conditions.constants())
        yield written(tables)
        yield from map(stored, ("better", "look", "walk_headers", "walk_cookies", "walk_query"))
        yield written(choose)
        yield written(gives(policy, slots))
        yield written(_stations.decide(policy))
        yield written(admits("accept", policy.edge.accept))
        yield from map(stored, ("chosen", "undye"))
        yield written(_stations.rule_names(policy))
        yield written(_stations.tell(policy))
        reads = policy.reads()
        guards = bool(policy.active_rules) and not self._rules.only_look_up(reads)
        remembers = self._rules.remembers(reads)
        yield written(
            _stations.dye(
                policy, slots, guards=guards, remembers=remembers, tells=tells, fallback=fallback
            )
        )
        if guards:
            yield written(_stations.guarded(fallback=fallback))

    def carry(self, *, tells: bool, fallback: bool) -> Iterator[Piece]:
        """What a hop takes."""
        yield from self._common()
        yield written(_stations.tell(self._policy))
        yield written(_stations.carry(tells=tells, fallback=fallback))

    def _common(self) -> Iterator[Piece]:
        yield written(["local headers -- of the current request"])
        yield written(["local handle -- of the current request"])
        yield written(_stations.header(self._policy))
        yield written(_stations.member(self._policy))
        yield from map(stored, ("is_ows", "trim", "is_lane_name"))
        yield written(admits("admit", self._policy.lanes))
        yield from map(stored, ("carried", "without", "line"))


_READERS = (
    "cookie_lines",
    "cookie",
    "cookies",
    "query",
    "path_of",
    "host_of",
    "client_address",
    "v4",
    "v6",
)
_TESTS = (
    "prefix",
    "suffix",
    "contains",
    "fold",
    "inside",
    "automaton",
    "matches",
    "filled",
    "bucket",
    "draw",
)
