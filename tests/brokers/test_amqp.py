"""Lanes over a real RabbitMQ, with pika and aio-pika."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aio_pika
import pika
import pytest
from brokers.examples import consumer, run, snippet
from brokers.tracing import traced
from opentelemetry.instrumentation.aio_pika import AioPikaInstrumentor
from opentelemetry.instrumentation.pika import PikaInstrumentor
from pika.adapters.blocking_connection import BlockingChannel

from colorfast.propagator import lane
from colorfast.propagator.messaging import Role, StaticLanes, amqp
from helpers.processes import wait_until

WITHIN = 60.0
_numbers = itertools.count()


@pytest.fixture
def name() -> str:
    return f"orders{next(_numbers)}"


@pytest.fixture
def channel(rabbit_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(rabbit_url))
    with contextlib.closing(connection):
        yield connection.channel()


def publish(channel: BlockingChannel, exchange: str, name: str | None, body: str) -> None:
    channel.confirm_delivery()
    with lane.use(name):
        properties = amqp.dyed(pika.BasicProperties())
        channel.basic_publish(exchange, "any.key", body.encode(), properties, mandatory=True)


def drain(channel: BlockingChannel, queue: str, role: Role | None = None) -> list[str]:
    """What the consumer of *queue* takes, each with the lane that it was taken in."""
    took: list[str] = []

    def work(on: Any, method: Any, properties: Any, body: bytes) -> None:
        took.append(f"{body.decode()} in {lane.current()}")
        on.basic_ack(method.delivery_tag)

    tag = channel.basic_consume(queue, amqp.handler(work, role))
    wait_until(lambda: _turn(channel, queue), f"{queue} is empty", within=WITHIN)
    channel.basic_cancel(tag)
    return took


def _turn(channel: BlockingChannel, queue: str) -> bool:
    channel.connection.process_data_events(time_limit=0.2)
    return count(channel, queue) == 0


def count(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def wait_for_count(channel: BlockingChannel, queue: str, wanted: int) -> None:
    wait_until(lambda: count(channel, queue) == wanted, f"{queue}: {wanted}", within=WITHIN)


@pytest.mark.parametrize("instrumented", [False, True], ids=["by hand", "instrumented"])
def test_the_lane_arrives_with_pika(rabbit_url: str, name: str, instrumented: bool) -> None:
    taken = []

    def work(on: Any, method: Any, properties: Any, body: bytes) -> None:
        taken.append(lane.current())
        on.basic_ack(method.delivery_tag)

    with traced(*([PikaInstrumentor()] if instrumented else [])):
        connection = pika.BlockingConnection(pika.URLParameters(rabbit_url))
        with contextlib.closing(connection):
            channel = connection.channel()
            channel.queue_declare(name)
            for one in ("canary", None, "pr-1"):
                with lane.use(one):
                    properties = pika.BasicProperties(headers={"x-lane": "old"} if one else {})
                    sent = properties if instrumented else amqp.dyed(properties)
                    channel.basic_publish("", name, b"", sent)
            channel.basic_consume(name, amqp.handler(work))
            wait_until(
                lambda: connection.process_data_events(0.1) or len(taken) == 3, "all", within=WITHIN
            )
    assert taken == ["canary", None, "pr-1"]
    assert lane.current() is None


@pytest.mark.parametrize("instrumented", [False, True], ids=["by hand", "instrumented"])
async def test_the_lane_arrives_with_aio_pika(
    rabbit_url: str, name: str, instrumented: bool
) -> None:
    taken: list[str | None] = []

    async def work(message: Any) -> None:
        async with message.process():
            taken.append(lane.current())

    with traced(*([AioPikaInstrumentor()] if instrumented else [])):
        async with connected(rabbit_url) as channel:
            queue = await channel.declare_queue(name)
            for one in ("canary", None, "pr-1"):
                with lane.use(one):
                    message = aio_pika.Message(b"", headers={"x-lane": "old"} if one else None)
                    sent = message if instrumented else amqp.dyed(message)
                    await channel.default_exchange.publish(sent, name)
            await queue.consume(amqp.async_handler(work))
            async with asyncio.timeout(WITHIN):
                while len(taken) < 3:  # noqa: ASYNC110 (the callback sets no event)
                    await asyncio.sleep(0.02)
    assert taken == ["canary", None, "pr-1"]


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await aio_pika.connect(url)
    async with connection:
        yield await connection.channel()


def test_the_broker_sorts_by_lane(channel: BlockingChannel, name: str) -> None:
    queue = amqp.LaneQueue(name=name)
    base = queue.declare(channel)
    canary, other = queue.declare(channel, "canary"), queue.declare(channel, "pr-1")
    for number, one in enumerate((None, "canary", "base", "pr-1", "pr-2", "canary", None)):
        publish(channel, queue.exchange, one, f"{number}")
    assert drain(channel, base) == ["0 in None", "2 in base", "4 in pr-2", "6 in None"]
    assert drain(channel, canary) == ["1 in canary", "5 in canary"]
    assert drain(channel, other) == ["3 in pr-1"]


def test_a_lane_that_dies_hands_over_and_returns(channel: BlockingChannel, name: str) -> None:
    queue = amqp.LaneQueue(name=name, hand_over=0.2)
    canary = queue.declare(channel, "canary")
    publish(channel, queue.exchange, "canary", "1")
    # Nobody consumes the lane's queue: the baseline gets it, and works in the lane.
    wait_for_count(channel, queue.name, 1)
    assert drain(channel, queue.name) == ["1 in canary"]
    took: list[bytes] = []

    def work(on: Any, method: Any, properties: Any, body: bytes) -> None:
        took.append(body)
        on.basic_ack(method.delivery_tag)

    channel.basic_consume(queue.declare(channel, "canary"), amqp.handler(work))
    publish(channel, queue.exchange, "canary", "2")
    wait_until(lambda: _turn(channel, canary) and took == [b"2"], "it is back", within=WITHIN)
    assert count(channel, queue.name) == 0


def test_a_retired_lane_loses_nothing(channel: BlockingChannel, name: str) -> None:
    queue = amqp.LaneQueue(name=name, hand_over=0.5)
    canary = queue.declare(channel, "canary")
    publish(channel, queue.exchange, "canary", "unread")
    queue.retire(channel, "canary")
    queue.retire(channel, "canary")
    publish(channel, queue.exchange, "canary", "late")
    wait_for_count(channel, queue.name, 2)
    channel.queue_delete(canary, if_unused=True, if_empty=True)
    assert sorted(drain(channel, queue.name)) == ["late in canary", "unread in canary"]


def test_a_lane_s_queue_stands_before_any_topology(channel: BlockingChannel, name: str) -> None:
    queue = amqp.LaneQueue(name=name)
    canary = queue.declare(channel, "canary")
    channel.exchange_declare(f"{name}-events", "topic")
    channel.exchange_bind(queue.exchange, f"{name}-events", "any.*")
    publish(channel, f"{name}-events", "canary", "1")
    publish(channel, f"{name}-events", None, "2")
    assert drain(channel, canary) == ["1 in canary"]
    assert drain(channel, queue.name) == ["2 in None"]


def test_a_copy_for_each_lane_is_filtered(channel: BlockingChannel, name: str) -> None:
    live = StaticLanes(["canary"])
    roles = Role(live=live), Role(lane="canary", live=live)
    channel.exchange_declare(name, "fanout")
    for role in roles:
        channel.queue_declare(role.name(name))
        channel.queue_bind(role.name(name), name)
    for number, one in enumerate((None, "canary", "pr-1")):
        publish(channel, name, one, f"{number}")
    took = [drain(channel, role.name(name), role) for role in roles]
    assert took == [["0 in None", "2 in pr-1"], ["1 in canary"]]


async def test_aio_pika_declares_the_same_and_iterates(rabbit_url: str, name: str) -> None:
    queue = amqp.LaneQueue(name=name)
    async with connected(rabbit_url) as channel, asyncio.timeout(WITHIN):
        base = await queue.declare_async(channel)
        canary = await queue.declare_async(channel, "canary")
        exchange = await channel.get_exchange(queue.exchange)
        for one in ("canary", None, "pr-1"):
            with lane.use(one):
                await exchange.publish(amqp.dyed(aio_pika.Message((one or "-").encode())), "")
        assert await first(base, 2) == ["- in None", "pr-1 in pr-1"]
        assert await first(canary, 1) == ["canary in canary"]
        assert lane.current() is None


async def first(queue: Any, count: int) -> list[str]:
    took: list[str] = []
    async with queue.iterator() as every, amqp.messages(every) as messages:
        async for message in messages:
            await message.ack()
            took.append(f"{message.body.decode()} in {lane.current()}")
            if len(took) == count:
                break
    return took


def test_both_clients_declare_alike(rabbit_url: str, channel: BlockingChannel, name: str) -> None:
    queue = amqp.LaneQueue(name=name)
    queue.declare(channel, "canary")

    async def again() -> None:
        async with connected(rabbit_url) as other:
            await queue.declare_async(other, "canary")

    asyncio.run(again())  # RabbitMQ refuses what differs


def test_the_lane_goes_along_into_threads(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name)
    channel.exchange_declare(f"{name}-x", "fanout")
    channel.queue_bind(name, f"{name}-x")
    publish(channel, f"{name}-x", "canary", "1")
    found: list[str | None] = []

    def work(on: Any, method: Any, *_: Any) -> None:
        with ThreadPoolExecutor(1) as pool:
            bound: Callable[[], str | None] = lane.bind(lane.current)
            found.append(pool.submit(bound).result(WITHIN))
        on.basic_ack(method.delivery_tag)

    channel.basic_consume(name, amqp.handler(work))
    wait_until(lambda: _turn(channel, name) and bool(found), "it comes", within=WITHIN)
    assert found == ["canary"]


def test_the_example_runs(rabbit_url: str, channel: BlockingChannel, tmp_path: Path) -> None:
    env = {"AMQP": rabbit_url}
    queue = amqp.LaneQueue(name="orders", hand_over=10)
    queue.declare(channel, "canary")
    with (
        consumer("amqp_orders.py", "base", tmp_path, env) as base,
        consumer("amqp_orders.py", "canary", tmp_path, {**env, "LANE": "canary"}) as canary,
    ):
        wait_until(lambda: consumers(channel, "orders.canary") == 1, "it is there", within=WITHIN)
        for order in (["tea", "canary"], ["cake", "pr-1"], ["milk"]):
            run("amqp_orders.py", *order, env=env)
        wait_until(lambda: "milk" in base.read_text(), "the baseline has read all", within=WITHIN)
        wait_until(lambda: "tea" in canary.read_text(), "the lane has read its own", within=WITHIN)
    assert base.read_text().splitlines() == ["cake in lane pr-1", "milk in lane None"]
    assert canary.read_text().splitlines() == ["tea in lane canary"]


def consumers(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.consumer_count)


class Enough(Exception):
    """Ends a loop of the documentation, which has no end."""


async def test_the_loop_that_is_shown_for_aio_pika(rabbit_url: str) -> None:
    shown = snippet("aio_pika")
    found = []

    async def work(message: Any) -> None:
        found.append((message.body, lane.current()))
        raise Enough

    async with connected(rabbit_url) as channel:
        await shown["ORDERS"].declare_async(channel, "canary")
    for name in (None, "canary"):
        with lane.use(name):
            await shown["publish"](rabbit_url, b"order")
    for name in (None, "canary"):
        with pytest.raises(Enough):
            async with asyncio.timeout(WITHIN):
                await shown["consume"](rabbit_url, name, work)
    assert found == [(b"order", None), (b"order", "canary")]
