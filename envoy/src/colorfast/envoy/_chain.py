"""The order of a chain's filters: one table, a reason a row."""

from collections.abc import Callable
from dataclasses import dataclass

from colorfast.envoy import _filters
from colorfast.envoy._options import ExtProcOptions
from colorfast.envoy._types import Json
from colorfast.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What goes into an HttpConnectionManager, in order; the router is the caller's."""

    early: tuple[Json, ...]
    """``early_header_mutation_extensions``."""
    filters: tuple[Json, ...]
    """``http_filters``, to be put in front of every filter that has per-route settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A filter in the order: *why* it stands there, and *when* it is needed at all."""

    why: str
    when: Callable[[Policy, ExtProcOptions], bool]
    build: Callable[[Policy, ExtProcOptions], Json]


def _always(policy: Policy, options: ExtProcOptions) -> bool:
    return True


def _strips(policy: Policy, options: ExtProcOptions) -> bool:
    # Where clients may choose a lane, only the service can tell a choice from a spoof.
    return options.station == "dye" and not policy.edge.accept.patterns


EARLY = (
    Row(
        why="before Envoy picks the first route: a client's lane header never routes, "
        "and a lane header seen later on is the service's own",
        when=_strips,
        build=lambda policy, _: _filters.early_strip(policy),
    ),
)
"""Runs in the connection manager, ahead of every HTTP filter."""

FILTERS = (
    Row(
        why="first, so that per-route settings of the filters behind it are those of the dyed "
        "route; and it must see baggage as it came, for the limits of edge.baggage count it",
        when=_always,
        build=_filters.ext_proc,
    ),
    Row(
        why="behind the service and only for requests that it left undyed: whatever made it "
        "fail, a client's member goes no further",
        when=lambda policy, options: _strips(policy, options) and _filters.keeps_rest(policy),
        build=lambda policy, _: _filters.compute_rest(policy),
    ),
    Row(
        why="reads what the row before has computed",
        when=_strips,
        build=lambda policy, _: _filters.replace_baggage(policy),
    ),
)
"""Runs in this order; the router comes after."""


def ext_proc_chain(policy: Policy, options: ExtProcOptions) -> Chain:
    """The filters of one station whose decisions come from the Colorfast service."""

    def built(rows: tuple[Row, ...]) -> tuple[Json, ...]:
        return tuple(row.build(policy, options) for row in rows if row.when(policy, options))

    return Chain(early=built(EARLY), filters=built(FILTERS))
