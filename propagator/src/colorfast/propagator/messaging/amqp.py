"""Lanes over AMQP 0-9-1, for pika and aio-pika; neither of them is imported.

A queue's consumers compete for its messages, so lanes want queues of their own. ``LaneQueue`` has
RabbitMQ sort messages by their lane header into them, and the baseline's queue gets what no lane's
queue is bound for; then ``from_message`` and ``handler`` without a role are all that a consumer
needs. Where every lane's queue gets a copy of every message (a fanout), a role filters.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeAlias, TypeVar

from colorfast.propagator import lane
from colorfast.propagator.messaging._headers import headers_of, mapping_to_send
from colorfast.propagator.messaging._iterate import AsyncMessages, context_for
from colorfast.propagator.messaging._lane_queue import LaneQueue
from colorfast.propagator.messaging._share import Role

__all__ = [
    "Callback",
    "LaneQueue",
    "Others",
    "async_handler",
    "dyed",
    "from_message",
    "handler",
    "headers",
    "lane_of",
    "messages",
]

M = TypeVar("M")

Others: TypeAlias = Literal["ack", "requeue", "leave"]
"""What becomes of a message that is not for us.

``ack``: it is ours alone, so it is done with: the queue holds copies (fanout). ``requeue``: another
consumer of this queue may take it. It may come back at once, again and again, until another does:
only for queues that lanes have to share. ``leave``: nothing; for consumers without acknowledgement.
"""

Callback: TypeAlias = Callable[[Any, Any, Any, bytes], object]
"""What pika calls: channel, method, properties, body."""


def lane_of(message: Any) -> str | None:
    """The lane that *message* carries: pika's properties, or aio-pika's message."""
    return lane.current(lane.extract(headers_of(message)))


def from_message(message: Any) -> AbstractContextManager[str | None]:
    """Run the block of a ``with`` in the lane of *message*; without one when it has none.

    *message* is pika's properties or aio-pika's message.
    """
    return lane.from_headers(headers_of(message))


def headers(forwarded: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Headers to publish with: *forwarded*, say of a consumed message, and the current lane."""
    return mapping_to_send(forwarded)


def dyed(message: M) -> M:
    """*message* itself, pika's properties or aio-pika's message, with the current lane on it."""
    message.headers = mapping_to_send(message.headers)  # type: ignore[attr-defined]
    return message


def handler(callback: Callback, role: Role | None = None, *, others: Others = "ack") -> Callback:
    """*callback* for pika's ``basic_consume``, called in the lane of each message.

    With *role* only for the messages that are for it; *others* says what becomes of the rest.
    Acknowledging its own is the callback's business, as ever.
    """

    def handle(channel: Any, method: Any, properties: Any, body: bytes) -> object:
        context = context_for(properties, role)
        if context is not None:
            with lane.attached(context):
                return callback(channel, method, properties, body)
        if others == "ack":
            channel.basic_ack(method.delivery_tag)
        elif others == "requeue":
            channel.basic_nack(method.delivery_tag, requeue=True)
        return None

    return handle


def async_handler(
    callback: Callable[[M], Awaitable[object]], role: Role | None = None, *, others: Others = "ack"
) -> Callable[[M], Awaitable[None]]:
    """``handler`` for aio-pika's ``queue.consume``."""
    skip = _skipper(others)

    async def handle(message: M) -> None:
        context = context_for(message, role)
        if context is None:
            await skip(message)
            return
        with lane.attached(context):
            await callback(message)

    return handle


def messages(
    source: AsyncIterable[M], role: Role | None = None, *, others: Others = "ack"
) -> AsyncMessages[M]:
    """The messages of aio-pika's ``queue.iterator()`` that are for *role*, each in its lane."""
    return AsyncMessages(source, role, _skipper(others))


def _skipper(others: Others) -> Callable[[Any], Awaitable[None]]:
    async def skip(message: Any) -> None:
        if others == "ack":
            await message.ack()
        elif others == "requeue":
            await message.nack(requeue=True)

    return skip
