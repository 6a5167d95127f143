"""What a station reads and writes, whoever decides: the letter of "dye" and "carry"."""

from typing import Final

from colorfast.lane import Reading
from colorfast.policy._ir import Edge, Policy
from colorfast.policy._outcome import Outcome
from colorfast.policy._request import Request

BAGGAGE: Final = "baggage"
"""The header of W3C Baggage section 3.1."""

NO_BAGGAGE: Final = Reading((), b"", 0)


def read_baggage(policy: Policy, request: Request) -> Reading:
    """The request's baggage, ours apart from the rest."""
    value = request.headers.get(BAGGAGE)
    return NO_BAGGAGE if value is None else policy.member.read(value)


def carried_lane(policy: Policy, request: Request, baggage: Reading) -> str | None:
    """The lane that a request carries: its last valid member, else a valid lane header.

    The last, because that is the one which OpenTelemetry SDKs take.
    """
    for value in reversed(baggage.values):
        lane = policy.lanes.admit(value)
        if lane is not None:
            return lane
    header = request.headers.get(policy.header)
    return None if header is None else policy.lanes.admit(header)


def client_lane(policy: Policy, request: Request, baggage: Reading) -> str | None:
    """The lane that the client chose, when the edge accepts that choice."""
    if not policy.edge.accept.patterns:
        return None
    lane = carried_lane(policy, request, baggage)
    return lane if lane is not None and lane in policy.edge.accept else None


def dyed(policy: Policy, baggage: Reading, lane: str | None, rule: str | None) -> Outcome:
    """The writes that give a request *lane* at the entrance, or take every lane from it."""
    rest = baggage.rest if _keeps(policy.edge, baggage) else b""
    if lane is not None:
        line = policy.member.write(lane, rest)
        return Outcome(lane, rule, ((policy.header, lane.encode()), (BAGGAGE, line)))
    if not baggage.values:
        return Outcome(None, rule, removes=(policy.header,))
    if rest:
        return Outcome(None, rule, ((BAGGAGE, rest),), (policy.header,))
    return Outcome(None, rule, removes=(policy.header, BAGGAGE))


def carried(policy: Policy, request: Request) -> Outcome:
    """The writes that make lane header and member agree at a hop; none without a lane."""
    baggage = read_baggage(policy, request)
    lane = carried_lane(policy, request, baggage)
    if lane is None:
        return Outcome(None, None)
    header = (policy.header, lane.encode())
    if len(baggage.values) == 1 and policy.lanes.admit(baggage.values[0]) is not None:
        return Outcome(lane, None, (header,))
    return Outcome(lane, None, (header, (BAGGAGE, policy.member.write(lane, baggage.rest))))


def _keeps(edge: Edge, baggage: Reading) -> bool:
    return (
        edge.keep_baggage
        and baggage.pieces <= edge.max_members
        and (edge.max_bytes is None or len(baggage.rest) <= edge.max_bytes)
    )
