"""One queue per lane, sorted by RabbitMQ itself.

Theory of operation. In front of a queue stands a headers exchange. A lane's queue is bound to it by
the lane header; what no binding takes goes to the exchange's alternate, a fanout that has the one
queue that was there before, the baseline's. So a message is in exactly one queue, and a lane is
live while its queue is bound. Messages that a lane's queue holds for longer than a time go to the
baseline too: a lane that has died hands over, and comes back, without anybody being told.
"""

from dataclasses import dataclass
from typing import Any, Final

from colorfast.lane import is_lane_name
from colorfast.propagator._settings import settings
from colorfast.propagator.messaging._share import BASELINE, lane_name

HAND_OVER: Final = 60.0
"""Seconds that a message waits for its lane's consumer, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneQueue:
    """The queue *name* and its lanes. RabbitMQ 3.10 or newer.

    ``declare`` is for pika's BlockingChannel, ``declare_async`` for aio-pika's channel; both may be
    called again and again. Publish to ``exchange``, or bind it where *name* was bound.
    """

    name: str
    hand_over: float = HAND_OVER
    """Seconds that a message waits in a lane's queue before the baseline gets it."""
    separator: str = "."
    baseline: str = BASELINE

    @property
    def exchange(self) -> str:
        """Where to publish."""
        return f"{self.name}{self.separator}lanes"

    @property
    def baseline_exchange(self) -> str:
        """Where messages go that are in no lane's queue, or have been there for too long."""
        return f"{self.name}{self.separator}baseline"

    def queue(self, lane: str | None) -> str:
        """The queue of *lane*; of the baseline for None."""
        return lane_name(self.name, lane, baseline=self.baseline, separator=self.separator)

    @property
    def exchange_arguments(self) -> dict[str, Any]:
        """Of ``exchange``, of type ``headers``."""
        return {"alternate-exchange": self.baseline_exchange}

    @property
    def queue_arguments(self) -> dict[str, Any]:
        """Of a lane's queue."""
        return {
            "x-dead-letter-exchange": self.baseline_exchange,
            "x-message-ttl": int(self.hand_over * 1000),
        }

    def binding(self, lane: str) -> dict[str, Any]:
        """The arguments that bind *lane*'s queue. Raises ValueError when it is no lane name."""
        if not is_lane_name(lane):
            raise ValueError(f"{lane!r} is not a lane name")
        # `all` would not look at names that begin with `x-`.
        return {"x-match": "all-with-x", settings().header: lane}

    def declare(self, channel: Any, lane: str | None = None) -> str:
        """Exchanges, the baseline's queue and *lane*'s; the name of the queue to consume from.

        What pika raises when one exists that is different. The lane's messages come from now on.
        """
        channel.exchange_declare(self.baseline_exchange, "fanout", durable=True)
        channel.exchange_declare(
            self.exchange, "headers", durable=True, arguments=self.exchange_arguments
        )
        channel.queue_declare(self.name, durable=True)
        channel.queue_bind(self.name, self.baseline_exchange)
        if lane is None or lane == self.baseline:
            return self.name
        binding, queue = self.binding(lane), self.queue(lane)
        channel.queue_declare(queue, durable=True, arguments=self.queue_arguments)
        channel.queue_bind(queue, self.exchange, arguments=binding)
        return queue

    def retire(self, channel: Any, lane: str) -> None:
        """Let the baseline have *lane*'s messages from now on; safe to call again.

        The queue stays until what it holds is consumed or handed over; delete it when it is empty.
        """
        queue = self.queue(lane)
        channel.queue_unbind(queue, self.exchange, arguments=self.binding(lane))

    async def declare_async(self, channel: Any, lane: str | None = None) -> Any:
        """``declare`` with aio-pika; the queue to consume from."""
        baseline = await channel.declare_exchange(self.baseline_exchange, "fanout", durable=True)
        exchange = await channel.declare_exchange(
            self.exchange, "headers", durable=True, arguments=self.exchange_arguments
        )
        shared = await channel.declare_queue(self.name, durable=True)
        await shared.bind(baseline)
        if lane is None or lane == self.baseline:
            return shared
        binding = self.binding(lane)
        queue = await channel.declare_queue(
            self.queue(lane), durable=True, arguments=self.queue_arguments
        )
        await queue.bind(exchange, arguments=binding)
        return queue
