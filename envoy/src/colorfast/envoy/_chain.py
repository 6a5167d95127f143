"""The filters of a station whose decisions come from the Colorfast service."""

from colorfast.envoy import _filters
from colorfast.envoy._options import ExtProcOptions
from colorfast.envoy._order import Chain, Plan, Row, always, assemble, strip_behind
from colorfast.policy import Policy

FILTERS: tuple[Row[Plan[ExtProcOptions]], ...] = (
    Row(
        why="first, so that per-route settings of the filters behind it are those of the dyed "
        "route; and it must see baggage as it came, for the limits of edge.baggage count it",
        when=always,
        build=lambda plan: _filters.ext_proc(plan.policy, plan.options),
    ),
    *strip_behind(lambda plan: plan.strips),
)
"""Runs in this order; the router comes after."""


def ext_proc_chain(policy: Policy, options: ExtProcOptions) -> Chain:
    """The filters of one station whose decisions come from the Colorfast service."""
    return assemble(FILTERS, Plan(policy=policy, options=options))
