"""Who takes a message: every lane its own, the baseline those of lanes that nobody serves.

Theory of operation. A service's consumers are one group per lane, and each group sees every message
(Kafka: one consumer group per lane; AMQP: one queue per lane). Groups do not talk to each other:
they all work out the one lane that a message is for, and the group of that lane keeps it. With the
same view of which lanes are live, exactly one group keeps it. While views differ, for as long as a
live-lane source takes to notice, two may, or none may; ``docs/messaging.md`` says when.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from colorfast.lane import is_lane_name
from colorfast.propagator.messaging._live import LiveLanes, StaticLanes

BASELINE: Final = "base"
"""What a LanePolicy calls its baseline, unless it says otherwise."""

NO_PARENTS: Final[Mapping[str, str]] = MappingProxyType({})


def taker(
    message_lane: str | None,
    live_lanes: Collection[str],
    *,
    baseline: str = BASELINE,
    parents: Mapping[str, str] = NO_PARENTS,
) -> str:
    """The lane whose consumers take a message that carries *message_lane* (None: it carries none).

    It is the first of the message's lane, that lane's parent, and so on, that is live; else the
    baseline, which is taken to be live. *parents* is a LanePolicy's ``parents``.
    """
    lane = message_lane
    for _ in range(len(parents) + 1):  # parents that go in a circle end too
        if lane is None or lane == baseline:
            break
        if lane in live_lanes:
            return lane
        lane = parents.get(lane)
    return baseline


def should_consume(
    message_lane: str | None,
    my_lane: str | None,
    live_lanes: Collection[str],
    *,
    baseline: str = BASELINE,
    parents: Mapping[str, str] = NO_PARENTS,
) -> bool:
    """Whether a consumer of *my_lane* (None: the baseline) takes a message of *message_lane*.

    *live_lanes* are the lanes that have consumers now. *my_lane* counts as one of them: who asks is
    alive, and a lane that has just started takes its messages before others have heard of it.
    """
    mine = baseline if my_lane is None else my_lane
    return mine == taker(message_lane, {*live_lanes, mine}, baseline=baseline, parents=parents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a consumer is: the lane that it works for, and how it knows which others are live.

    Raises ValueError when a lane is none. Nothing else here raises, if *live* does not.
    """

    lane: str | None = None
    """The lane of this deployment. None is the baseline, as is the baseline's own name."""
    live: LiveLanes = field(default_factory=StaticLanes)
    """Which lanes have consumers of this service now. Only the baseline and parents look at it."""
    baseline: str = BASELINE
    parents: Mapping[str, str] = field(default_factory=lambda: NO_PARENTS)

    def __post_init__(self) -> None:
        for name in (self.baseline, self.lane, *self.parents, *self.parents.values()):
            if name is not None and not is_lane_name(name):
                raise ValueError(f"{name!r} is not a lane name")

    @property
    def is_baseline(self) -> bool:
        """Whether this is the lane that takes what nobody else takes."""
        return self.lane is None or self.lane == self.baseline

    def takes(self, message_lane: str | None) -> bool:
        """Whether a message of *message_lane* is for this consumer; see ``should_consume``."""
        return should_consume(
            message_lane,
            self.lane,
            self.live.lanes(),
            baseline=self.baseline,
            parents=self.parents,
        )

    def name(self, shared: str, *, separator: str = "-") -> str:
        """The consumer group or queue of this lane; see ``lane_name``."""
        return lane_name(shared, self.lane, baseline=self.baseline, separator=separator)


def lane_name(
    shared: str, lane: str | None, *, baseline: str = BASELINE, separator: str = "-"
) -> str:
    """A lane's name of something that the baseline calls *shared*: ``orders-canary`` of ``orders``.

    The baseline keeps the name that is in use: lanes can come to a running system.
    """
    return shared if lane is None or lane == baseline else f"{shared}{separator}{lane}"


def lanes_of_names(names: Iterable[str], shared: str, *, separator: str = "-") -> frozenset[str]:
    """The lanes of those *names* that ``lane_name`` made: who knows groups, knows lanes."""
    found = (lane_of_name(name, shared, separator=separator) for name in names)
    return frozenset(lane for lane in found if lane is not None)


def lane_of_name(name: str, shared: str, *, separator: str = "-") -> str | None:
    """The lane that ``lane_name`` made *name* of, or None when it did not.

    A separator that lane names may hold (``-``, ``.``, ``_``) makes ``orders-eu-canary`` lane
    ``eu-canary`` of ``orders`` as well as lane ``canary`` of ``orders-eu``: a service whose name
    begins with another's and a separator wants another separator, such as ``@``.
    """
    lane = name.removeprefix(f"{shared}{separator}")
    return lane if lane != name and is_lane_name(lane) else None
