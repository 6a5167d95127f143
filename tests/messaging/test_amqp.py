"""AMQP messages: pika's properties and aio-pika's messages."""

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import aio_pika
import pika
import pytest

from colorfast.propagator import lane
from colorfast.propagator.messaging import Role, StaticLanes, amqp

LIVE = StaticLanes(["canary"])
BASE = Role(live=LIVE)
CANARY_HEADERS = {"x-lane": "canary", "id": 7}


class Channel:
    """Notes what a callback tells the broker."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def basic_ack(self, tag: int) -> None:
        self.told.append(("ack", tag))

    def basic_nack(self, tag: int, *, requeue: bool) -> None:
        self.told.append(("nack", tag, requeue))


class Delivered(aio_pika.Message):
    """A message that notes what is told about it."""

    def __init__(self, name: str | None) -> None:
        super().__init__(b"", headers={"x-lane": name} if name else None)
        self.told: list[tuple[object, ...]] = []

    async def ack(self) -> None:
        self.told.append(("ack",))

    async def nack(self, *, requeue: bool) -> None:
        self.told.append(("nack", requeue))


@pytest.fixture(
    params=[
        lambda headers: pika.BasicProperties(headers=headers),
        lambda headers: aio_pika.Message(b"", headers=headers),
    ],
    ids=["pika", "aio-pika"],
)
def make(request: pytest.FixtureRequest) -> Callable[[dict[str, Any] | None], Any]:
    made: Callable[[dict[str, Any] | None], Any] = request.param
    return made


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, None),
        ({}, None),
        (CANARY_HEADERS, "canary"),
        ({"X-Lane": b"canary"}, "canary"),
        ({"baggage": b"a=1,lane=canary"}, "canary"),
        ({"x-lane": 7, "x-death": [{"count": 1}]}, None),
    ],
)
def test_the_lane_of_a_message(
    make: Callable[[Any], Any], headers: dict[str, Any] | None, expected: str | None
) -> None:
    message = make(headers)
    assert amqp.lane_of(message) == expected
    with lane.use("pr-9"):
        with amqp.from_message(message):
            assert lane.current() == expected
        assert lane.current() == "pr-9"


def test_a_message_is_dyed_in_place_and_never_stale(make: Callable[[Any], Any]) -> None:
    message = make({"X-Lane": "old", "id": 7, "baggage": "lane=old,a=1"})
    with lane.use("canary"):
        assert amqp.dyed(message) is message
    assert message.headers == {"id": 7, "x-lane": "canary", "baggage": "lane=canary,a=1"}
    assert amqp.dyed(make(None)).headers == {}


def call(handle: Callable[..., object], name: str | None) -> Channel:
    channel = Channel()
    properties = pika.BasicProperties(headers={"x-lane": name} if name else None)
    handle(channel, SimpleNamespace(delivery_tag=5), properties, b"body")
    return channel


def test_a_callback_runs_in_the_lane_of_each_message() -> None:
    seen = []

    def work(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        seen.append((lane.current(), body))
        channel.basic_ack(method.delivery_tag)

    handle = amqp.handler(work)
    assert [call(handle, one).told for one in ("canary", None)] == [[("ack", 5)]] * 2
    assert seen == [("canary", b"body"), (None, b"body")]
    assert lane.current() is None


@pytest.mark.parametrize(
    ("others", "told"),
    [("ack", [("ack", 5)]), ("requeue", [("nack", 5, True)]), ("leave", [])],
)
def test_a_message_that_is_not_ours_goes_where_it_was_told_to(
    others: amqp.Others, told: list[object]
) -> None:
    seen = []
    handle = amqp.handler(lambda *_: seen.append(lane.current()), BASE, others=others)
    assert call(handle, "canary").told == told
    assert call(handle, "pr-1").told == []
    assert seen == ["pr-1"]


def test_a_callback_that_raises_leaves_no_lane_behind() -> None:
    def work(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(amqp.handler(work), "canary")
    assert lane.current() is None


@pytest.mark.parametrize(
    ("others", "told"), [("ack", [("ack",)]), ("requeue", [("nack", True)]), ("leave", [])]
)
async def test_the_same_with_aio_pika(others: amqp.Others, told: list[object]) -> None:
    seen = []

    async def work(message: Delivered) -> None:
        seen.append(lane.current())

    handle = amqp.async_handler(work, BASE, others=others)
    foreign, mine = Delivered("canary"), Delivered("pr-1")
    await handle(foreign)
    await handle(mine)
    assert (foreign.told, mine.told, seen) == (told, [], ["pr-1"])
    assert lane.current() is None


async def test_an_iterator_gives_what_is_ours_in_its_lane() -> None:
    delivered = [Delivered(one) for one in ("canary", None, "pr-1")]

    async def queue() -> AsyncIterator[Delivered]:
        for one in delivered:
            yield one

    seen = [lane.current() async for _ in amqp.messages(queue(), BASE)]
    assert seen == [None, "pr-1"]
    assert [one.told for one in delivered] == [[("ack",)], [], []]
    seen = [lane.current() async for _ in amqp.messages(queue())]
    assert seen == ["canary", None, "pr-1"]


def test_a_lane_queue_is_named_after_its_lane() -> None:
    queue = amqp.LaneQueue(name="orders")
    assert [queue.queue(one) for one in (None, "base", "canary")] == [
        "orders",
        "orders",
        "orders.canary",
    ]
    with pytest.raises(ValueError, match="is not a lane name"):
        queue.binding("No")
