"""A policy as a chain of Envoy's own filters: no code in the proxy, no service beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from colorfast.envoy import _native_parts as parts
from colorfast.envoy._chain import Chain
from colorfast.envoy._native_conditions import Inexpressible
from colorfast.envoy._native_errors import (
    NativeDiagnostic,
    host_regex,
    large_regex,
    long_baggage,
)
from colorfast.envoy._native_order import NATIVE_EARLY, NATIVE_FILTERS, NativeRow, Plan
from colorfast.envoy._native_rules import Item, items
from colorfast.envoy._native_values import Values
from colorfast.envoy._options import Station
from colorfast.envoy._types import Json
from colorfast.policy import Kind, Policy

ISTIO_PROGRAM_SIZE = 32_768
"""What Istio's proxies are told."""

_METADATA_LIMIT = 8191
"""Bytes of the longest value that header_to_metadata keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeOptions:
    """What an operator chooses about a native chain. Raises ValueError for what cannot be."""

    station: Station = "dye"
    max_program_size: int = ISTIO_PROGRAM_SIZE
    """Instructions of the largest RE2 program that the proxies take: the runtime value
    ``re2.max_program_size.error_level``, 32,768 in Istio's proxies, 100 where nobody sets it."""

    def __post_init__(self) -> None:
        if self.station not in ("dye", "carry"):
            raise ValueError(f"station must be 'dye' or 'carry', not {self.station!r}")
        if self.max_program_size < 1:
            raise ValueError("max_program_size below 1 takes no regex at all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """The oldest Envoy and Istio that a chain runs on, and what their runtime must say."""

    envoy: str
    istio: str
    why: str
    max_program_size: int
    """Runtime ``re2.max_program_size.error_level`` must be at least this; Envoy's default is
    100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A native chain. It is empty when there is an error among the diagnostics."""

    chain: Chain
    diagnostics: tuple[NativeDiagnostic, ...]
    requires: Requires


_ROUTES = Requires(
    envoy="1.38",
    istio="1.30",
    why="set_filter_state.clear_route_cache, which picks the route again, came with Envoy 1.38; "
    "Istio 1.30 is the first whose proxy has it",
    max_program_size=0,
)
_BYTES = Requires(
    envoy="1.39",
    istio="1.31",
    why="rules hold a regex, and Envoy's RE2 reads bytes since 1.39 (UTF-8 before); Istio 1.31 is "
    "the first whose proxy is as new",
    max_program_size=0,
)


def native_chain(policy: Policy, options: NativeOptions) -> Compiled:
    """The filters of one station, all of them Envoy's own.

    Whatever the chain could not do as the policy says is a diagnostic, never a difference.
    """
    values = Values.of(policy)
    found: list[Item] = []
    errors: list[NativeDiagnostic] = []
    if options.station == "dye":
        for rule_items, rule_errors in _rules(policy, values, options):
            found += rule_items
            errors += rule_errors
    plan = Plan(policy=policy, station=options.station, values=values, items=tuple(found))
    chain = Chain(early=_built(NATIVE_EARLY, plan), filters=_built(NATIVE_FILTERS, plan))
    size = parts.program_size((chain.early, chain.filters))
    if size > options.max_program_size and not errors:
        errors.append(large_regex(policy, None, size, options.max_program_size))
    requires = replace(_requires(plan), max_program_size=size)
    if errors:
        nothing = Chain(early=(), filters=())
        return Compiled(chain=nothing, diagnostics=tuple(errors), requires=requires)
    return Compiled(chain=chain, diagnostics=tuple(_warnings(plan, options)), requires=requires)


def _rules(
    policy: Policy, values: Values, options: NativeOptions
) -> Iterator[tuple[list[Item], list[NativeDiagnostic]]]:
    for rule in policy.active_rules:
        try:
            found = list(items(values, rule))
        except Inexpressible as error:
            pattern = error.condition.values[0]
            yield [], [host_regex(policy, rule, pattern)]
            continue
        size = parts.program_size([test for item in found for _, test in item.tests])
        if size > options.max_program_size:
            limit = options.max_program_size
            yield [], [large_regex(policy, rule, size, limit)]
        else:
            yield found, []


def _requires(plan: Plan) -> Requires:
    conditions = (condition for item in plan.items for condition, _ in item.tests)
    return _BYTES if any(one.kind is Kind.REGEX for one in conditions) else _ROUTES


def _warnings(plan: Plan, options: NativeOptions) -> Iterator[NativeDiagnostic]:
    limit = plan.policy.edge.max_bytes
    if not plan.dyes or (plan.keeps and (limit is None or limit > _METADATA_LIMIT)):
        yield long_baggage(plan.policy)


def _built(rows: tuple[NativeRow, ...], plan: Plan) -> tuple[Json, ...]:
    return tuple(row.build(plan) for row in rows if row.when(plan))
