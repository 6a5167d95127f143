"""The order of a native chain's filters: one table, a reason a row."""

from collections.abc import Iterator
from dataclasses import dataclass

from colorfast.envoy import _native_lanes as lanes
from colorfast.envoy import _parts as parts
from colorfast.envoy._native_rules import Item, decide
from colorfast.envoy._native_values import Values
from colorfast.envoy._options import NativeOptions
from colorfast.envoy._order import Plan, Row, always
from colorfast.envoy._types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class NativePlan(Plan[NativeOptions]):
    """What a native chain is built from."""

    values: Values
    items: tuple[Item, ...]

    @property
    def keeps(self) -> bool:
        """Whether a dye leaves the baggage of others."""
        return self.policy.edge.keep_baggage


_REROUTED = parts.keep("colorfast.rerouted", "1")

NATIVE_FILTERS: tuple[Row[NativePlan], ...] = (
    Row(
        why="tells one cookie line from several, before they are cut",
        when=lambda plan: plan.dyes and bool(plan.values.cookies),
        build=lambda plan: plan.values.cookie_filters()[0],
    ),
    Row(
        why="cuts the cookies, before they are laid out",
        when=lambda plan: plan.dyes and bool(plan.values.cookies),
        build=lambda plan: plan.values.cookie_filters()[1],
    ),
    Row(
        why="cuts host and baggage as they came, before anything is written",
        when=lambda plan: not plan.dyes or bool(list(_reads(plan))),
        build=lambda plan: parts.filter_of("colorfast.read", parts.to_metadata(_reads(plan))),
    ),
    Row(
        why="a match tree sees filter state, but no metadata",
        when=lambda plan: plan.dyes and bool(list(_states(plan))),
        build=lambda plan: parts.filter_of("colorfast.values", parts.to_state(_states(plan))),
    ),
    Row(
        why="decides how much of baggage may stay, before the line is put together",
        when=lambda plan: plan.dyes and plan.keeps,
        build=lambda plan: parts.composite("colorfast.limits", lanes.limit(plan.policy)),
    ),
    Row(
        why="decides and writes",
        when=always,
        build=lambda plan: parts.composite(f"colorfast.{plan.options.station}", _decides(plan)),
    ),
    Row(
        why="last: header_mutation keeps the route that was picked before the lane was known, "
        "and this one has it picked again",
        when=always,
        build=lambda plan: parts.filter_of(
            "colorfast.route", parts.to_state((_REROUTED,), reroute=True)
        ),
    ),
)
"""Runs in this order, in front of every filter that has per-route settings."""


def _reads(plan: NativePlan) -> Iterator[Json]:
    policy = plan.policy
    if not plan.dyes or plan.accepts:
        yield lanes.read_member(policy)
        yield lanes.read_header(policy)
    if not plan.dyes or plan.keeps:
        yield lanes.read_rest(policy)
    if plan.dyes:
        yield from plan.values.metadata_rules()


def _states(plan: NativePlan) -> Iterator[Json]:
    if plan.accepts:
        yield lanes.keep_member()
    if plan.keeps:
        yield lanes.keep_rest()
    yield from plan.values.state_rules()


def _decides(plan: NativePlan) -> Json:
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
