"""A policy as a chain of Envoy's own filters: no code in the proxy, no service beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from colorfast.envoy._errors import (
    cookie_lines,
    host_regex,
    large_lanes,
    large_limits,
    large_programs,
    large_rule,
    long_baggage,
)
from colorfast.envoy._native_conditions import Inexpressible
from colorfast.envoy._native_order import NATIVE_FILTERS, NativePlan
from colorfast.envoy._native_rules import Item, items
from colorfast.envoy._native_values import Values
from colorfast.envoy._options import DEFAULT_PROGRAM_SIZE, NativeOptions
from colorfast.envoy._order import Chain, assemble
from colorfast.envoy._programs import LARGEST, measured_size, tree_size
from colorfast.envoy._releases import READS_BYTES, REROUTES
from colorfast.envoy._versions import mode_dependent
from colorfast.policy import Diagnostic, InvalidInput, Policy

METADATA_LIMIT = 8191
"""Bytes of the longest value that header_to_metadata keeps."""


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
    diagnostics: tuple[Diagnostic, ...]
    requires: Requires

    def sound(self) -> Chain:
        """The chain. Raises InvalidInput when there is none."""
        if any(one.level == "error" for one in self.diagnostics):
            raise InvalidInput(self.diagnostics)
        return self.chain


_ROUTES = Requires(
    envoy=str(REROUTES),
    istio="1.30",
    why="set_filter_state.clear_route_cache, which picks the route again, came with Envoy 1.38; "
    "Istio 1.30 is the first whose proxy has it",
    max_program_size=0,
)
_BYTES = Requires(
    envoy=str(READS_BYTES),
    istio="1.31",
    why="a rule's regex is not about ASCII alone, and Envoy's RE2 reads bytes since 1.39 (UTF-8 "
    "before); Istio 1.31 is the first whose proxy is as new",
    max_program_size=0,
)


def native_chain(policy: Policy, options: NativeOptions) -> Compiled:
    """The filters of one station, all of them Envoy's own.

    Whatever the chain could not do as the policy says is a diagnostic, never a difference.
    """
    values = Values.of(policy)
    found: list[Item] = []
    errors: list[Diagnostic] = []
    if options.station == "dye":
        for rule_items, rule_errors in _rules(policy, values):
            found += rule_items
            errors += rule_errors
    plan = NativePlan(policy=policy, options=options, values=values, items=tuple(found))
    chain = assemble(NATIVE_FILTERS, plan)
    size = measured_size((chain.early, chain.filters))
    if not errors:
        errors += _too_large(policy, chain, size, options)
    requires = replace(_requires(plan), max_program_size=size)
    if errors:
        nothing = Chain(early=(), filters=())
        return Compiled(chain=nothing, diagnostics=tuple(errors), requires=requires)
    return Compiled(chain=chain, diagnostics=tuple(_warnings(plan, size)), requires=requires)


def _rules(policy: Policy, values: Values) -> Iterator[tuple[list[Item], list[Diagnostic]]]:
    for rule in policy.active_rules:
        try:
            found = list(items(values, rule))
        except Inexpressible as error:
            pattern = error.condition.values[0]
            yield [], [host_regex(policy, rule, pattern)]
            continue
        size = tree_size([test for item in found for _, test in item.tests])
        yield (found, []) if size <= LARGEST else ([], [large_rule(policy, rule, LARGEST)])


def _too_large(
    policy: Policy, chain: Chain, size: int, options: NativeOptions
) -> Iterator[Diagnostic]:
    if size > options.max_program_size:
        yield large_lanes(policy, size, options.max_program_size)
    if tree_size(chain.filters) > LARGEST:
        yield large_limits(policy, LARGEST)


def _requires(plan: NativePlan) -> Requires:
    depends = plan.dyes and next(mode_dependent(plan.policy), None) is not None
    return _BYTES if depends else _ROUTES


def _warnings(plan: NativePlan, size: int) -> Iterator[Diagnostic]:
    limit = plan.policy.edge.max_bytes
    if not plan.dyes or (plan.keeps and (limit is None or limit > METADATA_LIMIT)):
        yield long_baggage(plan.policy)
    if plan.dyes and plan.values.cookies:
        yield cookie_lines(plan.policy)
    if size > DEFAULT_PROGRAM_SIZE:
        yield large_programs(plan.policy, size, DEFAULT_PROGRAM_SIZE)
