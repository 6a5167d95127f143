"""The engine: a policy made ready to decide."""

from collections.abc import Callable

from colorfast.policy._index import RuleIndex
from colorfast.policy._ir import Policy, Split
from colorfast.policy._outcome import Outcome
from colorfast.policy._request import Request
from colorfast.policy._split import SYSTEM_DRAW, Draw, chooser
from colorfast.policy._stations import carried, client_lane, dyed, read_baggage


class Engine:
    """A policy made ready to decide. Immutable: threads and requests may share it.

    *draw* gives the buckets of ``otherwise: random``. Neither method raises, whatever bytes a
    request holds.
    """

    __slots__ = ("_choosers", "_index", "policy")

    def __init__(self, policy: Policy, *, draw: Draw = SYSTEM_DRAW) -> None:
        self.policy = policy
        self._index = RuleIndex(policy.active_rules)
        self._choosers = {rule.name: _lane_of(rule.gives, draw) for rule in policy.active_rules}

    def decide(self, request: Request) -> tuple[str | None, str | None]:
        """The lane that the rules give, and the rule's name; the default lane when none matches."""
        rule = self._index.first(request)
        if rule is None:
            return self.policy.default, None
        return self._choosers[rule.name](request), rule.name

    def dye(self, request: Request) -> Outcome:
        """What the entrance writes on *request*."""
        baggage = read_baggage(self.policy, request)
        lane, rule = client_lane(self.policy, request, baggage), None
        if lane is None:
            lane, rule = self.decide(request)
        return dyed(self.policy, baggage, lane, rule)

    def carry(self, request: Request) -> Outcome:
        """What a hop writes on *request*."""
        return carried(self.policy, request)


def _lane_of(gives: str | Split, draw: Draw) -> Callable[[Request], str]:
    return chooser(gives, draw) if isinstance(gives, Split) else lambda _: gives
