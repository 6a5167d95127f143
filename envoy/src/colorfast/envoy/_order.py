"""The order of a chain's filters: tables whose rows have a reason each, and what they come to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from colorfast.envoy import _filters
from colorfast.envoy._options import Station
from colorfast.envoy._releases import RUNS_CHAINS
from colorfast.envoy._types import Json
from colorfast.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What goes into an HttpConnectionManager, in order; the router is the caller's."""

    early: tuple[Json, ...]
    """``early_header_mutation_extensions``."""
    filters: tuple[Json, ...]
    """``http_filters``, to be put in front of every filter that has per-route settings."""


class Stationed(Protocol):
    """The options of any backend."""

    @property
    def station(self) -> Station: ...


Options = TypeVar("Options", bound=Stationed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Generic[Options]):
    """What a chain is built from."""

    policy: Policy
    options: Options

    @property
    def dyes(self) -> bool:
        """Whether it stands at an entrance."""
        return self.options.station == "dye"

    @property
    def accepts(self) -> bool:
        """Whether clients may choose a lane."""
        return bool(self.policy.edge.accept.patterns)

    @property
    def strips(self) -> bool:
        """Whether a client's lane is worth nothing, whatever decides.

        Where clients may choose a lane, only who decides can tell a choice from a spoof.
        """
        return self.dyes and not self.accepts


AnyPlan = TypeVar("AnyPlan", bound=Plan[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[AnyPlan]):
    """A filter in the order: *why* it stands there, and *when* it is needed at all."""

    why: str
    when: Callable[[AnyPlan], bool]
    build: Callable[[AnyPlan], Json]


def always(_: Plan[Any]) -> bool:
    """*when* of a filter that every chain of its kind has."""
    return True


EARLY: tuple[Row[Plan[Any]], ...] = (
    Row(
        why="before Envoy picks the first route: whatever becomes of the filters, a client's lane "
        "header never routes, and a lane header seen later on is one of ours",
        when=lambda plan: plan.strips,
        build=lambda plan: _filters.early_strip(plan.policy),
    ),
)
"""Runs in the connection manager, ahead of every HTTP filter, with every backend."""


def strip_behind(when: Callable[[AnyPlan], bool]) -> tuple[Row[AnyPlan], ...]:
    """Rows that take a client's member away *when* what decides in front of them may fail."""

    def keeps_rest(plan: AnyPlan) -> bool:
        return when(plan) and _filters.keeps_rest(plan.policy)

    def at_once(plan: AnyPlan) -> bool:
        return keeps_rest(plan) and plan.options.envoy >= RUNS_CHAINS

    return (
        Row(
            why="behind what decides, and only for requests that it left undyed: whatever made it "
            "fail, a client's member goes no further",
            when=at_once,
            build=lambda plan: _filters.strip_baggage(plan.policy),
        ),
        Row(
            why="the same for an Envoy whose match trees run one filter each: first what is left",
            when=lambda plan: keeps_rest(plan) and not at_once(plan),
            build=lambda plan: _filters.compute_rest(plan.policy),
        ),
        Row(
            why="reads what the row before has computed, or leaves nothing of baggage",
            when=lambda plan: when(plan) and not at_once(plan),
            build=lambda plan: _filters.replace_baggage(plan.policy),
        ),
    )


def assemble(rows: tuple[Row[AnyPlan], ...], plan: AnyPlan) -> Chain:
    """The chain of *plan*: what it needs of *rows*, in their order."""
    return Chain(early=_built(EARLY, plan), filters=_built(rows, plan))


def _built(rows: tuple[Row[Any], ...], plan: Plan[Any]) -> tuple[Json, ...]:
    return tuple(row.build(plan) for row in rows if row.when(plan))
