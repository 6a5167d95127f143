"""The order of a native chain's filters: one table, a reason a row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from colorfast.envoy import _filters
from colorfast.envoy import _native_lanes as lanes
from colorfast.envoy import _native_parts as parts
from colorfast.envoy._native_rules import Item, decide
from colorfast.envoy._native_values import Values
from colorfast.envoy._options import Station
from colorfast.envoy._types import Json
from colorfast.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a chain is built from."""

    policy: Policy
    station: Station
    values: Values
    items: tuple[Item, ...]

    @property
    def dyes(self) -> bool:
        return self.station == "dye"

    @property
    def keeps(self) -> bool:
        return self.policy.edge.keep_baggage

    @property
    def accepts(self) -> bool:
        return bool(self.policy.edge.accept.patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeRow:
    """A filter in the order: *why* it stands there, and *when* it is needed at all."""

    why: str
    when: Callable[[Plan], bool]
    build: Callable[[Plan], Json]


_REROUTED = parts.keep("colorfast.rerouted", "1")

NATIVE_EARLY = (
    NativeRow(
        why="before Envoy picks the first route, and before the rules write the lane: a client's "
        "lane header is worth nothing",
        when=lambda plan: plan.dyes and not plan.accepts,
        build=lambda plan: _filters.early_strip(plan.policy),
    ),
)
"""Runs in the connection manager, ahead of every HTTP filter."""

NATIVE_FILTERS = (
    NativeRow(
        why="tells one cookie line from several, before they are cut",
        when=lambda plan: plan.dyes and bool(plan.values.cookies),
        build=lambda plan: plan.values.cookie_filters()[0],
    ),
    NativeRow(
        why="cuts the cookies, before they are laid out",
        when=lambda plan: plan.dyes and bool(plan.values.cookies),
        build=lambda plan: plan.values.cookie_filters()[1],
    ),
    NativeRow(
        why="cuts host and baggage as they came, before anything is written",
        when=lambda plan: not plan.dyes or bool(list(_reads(plan))),
        build=lambda plan: parts.filter_of("colorfast.read", parts.to_metadata(_reads(plan))),
    ),
    NativeRow(
        why="a match tree sees filter state, but no metadata",
        when=lambda plan: plan.dyes and bool(list(_states(plan))),
        build=lambda plan: parts.filter_of("colorfast.values", parts.to_state(_states(plan))),
    ),
    NativeRow(
        why="decides how much of baggage may stay, before the line is put together",
        when=lambda plan: plan.dyes and plan.keeps,
        build=lambda plan: parts.composite("colorfast.limits", lanes.limit(plan.policy)),
    ),
    NativeRow(
        why="decides and writes",
        when=lambda plan: True,
        build=lambda plan: parts.composite(f"colorfast.{plan.station}", _decides(plan)),
    ),
    NativeRow(
        why="last: header_mutation keeps the route that was picked before the lane was known, "
        "and this one has it picked again",
        when=lambda plan: True,
        build=lambda plan: parts.filter_of(
            "colorfast.route", parts.to_state((_REROUTED,), reroute=True)
        ),
    ),
)
"""Runs in this order, in front of every filter that has per-route settings."""


def _reads(plan: Plan) -> Iterator[Json]:
    policy = plan.policy
    if not plan.dyes or plan.accepts:
        yield lanes.read_member(policy)
        yield lanes.read_header(policy)
    if not plan.dyes or plan.keeps:
        yield lanes.read_rest(policy)
    if plan.dyes:
        yield from plan.values.metadata_rules()


def _states(plan: Plan) -> Iterator[Json]:
    if plan.accepts:
        yield lanes.keep_member()
    if plan.keeps:
        yield lanes.keep_rest()
    yield from plan.values.state_rules()


def _decides(plan: Plan) -> Json:
    policy = plan.policy
    if not plan.dyes:
        return lanes.carry(policy)

    def leaf(lane: str) -> Json:
        return lanes.dye(policy, lane)

    if policy.default is None:
        otherwise = lanes.undye(policy, header=plan.accepts)
    else:
        otherwise = leaf(policy.default)
    tree = decide(plan.values, plan.items, leaf, otherwise)
    if not plan.accepts:
        return tree
    return parts.first_of(lanes.accepted(policy), parts.nested(tree))
