"""Lanes over a real Kafka, with each client."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from brokers.examples import consumer, run, snippet
from brokers.kafka_clients import (
    READERS,
    SENDERS,
    WITHIN,
    KafkaPythonSender,
    Reader,
    Sender,
    make_topic,
    sender,
)
from brokers.tracing import traced
from confluent_kafka import Consumer, TopicPartition
from opentelemetry.instrumentation.aiokafka import AIOKafkaInstrumentor
from opentelemetry.instrumentation.confluent_kafka import ConfluentKafkaInstrumentor
from opentelemetry.instrumentation.kafka import KafkaInstrumentor

from colorfast.propagator import lane
from colorfast.propagator.messaging import (
    LiveLanes,
    PolledLanes,
    Role,
    StaticLanes,
    kafka,
)
from helpers.processes import wait_until

_numbers = itertools.count()
CANARY = StaticLanes(["canary"])

every_reader = pytest.mark.parametrize("reader", READERS, ids=lambda one: one.__name__)
every_sender = pytest.mark.parametrize("send_with", SENDERS, ids=lambda one: one.__name__)


@pytest.fixture
def topic(kafka_address: str) -> str:
    name = f"orders{next(_numbers)}"
    make_topic(kafka_address, name)
    return name


@pytest.fixture
def start(kafka_address: str, topic: str) -> Callable[..., Reader]:
    """A consumer of *topic* for a role, in the group of its lane."""

    def make(kind: type[Reader], role: Role) -> Reader:
        return kind(kafka_address, topic, role.name(topic), role)

    return make


@pytest.fixture
def producer(kafka_address: str) -> Iterator[Sender]:
    with sender(KafkaPythonSender, kafka_address) as one:
        yield one


def send_in(producer: Sender, topic: str, name: str | None, value: str) -> None:
    with lane.use(name):
        producer.send(topic, value, kafka.headers())


@every_reader
@every_sender
def test_the_lane_arrives(
    kafka_address: str,
    topic: str,
    start: Callable[..., Reader],
    reader: type[Reader],
    send_with: Any,
) -> None:
    with sender(send_with, kafka_address) as producer, start(reader, Role()) as base:
        for name in ("canary", None, "pr-1"):
            send_in(producer, topic, name, f"in {name}")
        base.wait_for("in canary", "in None", "in pr-1")
    assert base.lanes == ["canary", None, "pr-1"]


INSTRUMENTORS = (KafkaInstrumentor, AIOKafkaInstrumentor, ConfluentKafkaInstrumentor)


@every_reader
@every_sender
def test_the_lane_arrives_when_opentelemetry_sends_it(
    kafka_address: str,
    topic: str,
    start: Callable[..., Reader],
    reader: type[Reader],
    send_with: Any,
) -> None:
    with (
        traced(*(one() for one in INSTRUMENTORS)),
        sender(send_with, kafka_address) as producer,
        start(reader, Role()) as base,
    ):
        for name in ("canary", None, "pr-1"):
            with lane.use(name):
                producer.send(topic, f"in {name}")
        base.wait_for("in canary", "in None", "in pr-1")
    assert base.lanes == ["canary", None, "pr-1"]


@pytest.mark.parametrize("instrumented", [False, True], ids=["by hand", "instrumented"])
@every_sender
def test_forwarded_headers_do_not_go_stale(
    kafka_address: str,
    topic: str,
    start: Callable[..., Reader],
    send_with: Any,
    instrumented: bool,
) -> None:
    old = [("x-lane", b"old"), ("id", b"7"), ("baggage", b"a=1,lane=old")]
    with (
        traced(*(one() for one in INSTRUMENTORS if instrumented)),
        sender(send_with, kafka_address) as producer,
        start(READERS[0], Role()) as base,
    ):
        with lane.use("canary"):
            producer.send(topic, "forwarded", list(old) if instrumented else kafka.headers(old))
        base.wait_for("forwarded")
    assert base.lanes == ["canary"]
    [arrived] = base.headers
    assert [value for name, value in arrived if name == "x-lane"] == [b"canary"]
    # OpenTelemetry's `baggage` has written the context's, and what was forwarded is not that.
    baggage = b"lane=canary" if instrumented else b"lane=canary,a=1"
    assert [value for name, value in arrived if name == "baggage"] == [baggage]


@every_reader
def test_two_lanes_and_the_baseline_get_their_records_and_no_others(
    topic: str, start: Callable[..., Reader], producer: Sender, reader: type[Reader]
) -> None:
    live = StaticLanes(["canary", "pr-1"])
    names = (None, "canary", "base", "pr-1", "pr-2", "canary", "pr-1", None)
    for number, name in enumerate(names):
        send_in(producer, topic, name, f"{number} {name}")
    send_in(producer, topic, "canary", "end canary")
    send_in(producer, topic, "pr-1", "end pr-1")
    send_in(producer, topic, None, "end")
    with (
        start(reader, Role(live=live)) as base,
        start(reader, Role(lane="canary", live=live)) as canary,
        start(reader, Role(lane="pr-1", live=live)) as other,
    ):
        base.wait_for("end")
        canary.wait_for("end canary")
        other.wait_for("end pr-1")
    assert base.took == ["0 None", "2 base", "4 pr-2", "7 None", "end"]
    assert canary.took == ["1 canary", "5 canary", "end canary"]
    assert other.took == ["3 pr-1", "6 pr-1", "end pr-1"]


@every_reader
def test_what_is_not_ours_is_committed_too(
    kafka_address: str,
    topic: str,
    start: Callable[..., Reader],
    producer: Sender,
    reader: type[Reader],
) -> None:
    for value in ("1", "2", "3"):
        send_in(producer, topic, "canary", value)
    asked = Counting(["canary"])
    role = Role(live=asked)
    with start(reader, role) as base:
        wait_until(lambda: asked.times >= 3, "all are skipped", within=WITHIN)
        wait_until(lambda: len(base.left_over) > 0 or not base.batches, "the batch ends")
    assert base.took == []
    assert committed(kafka_address, topic, role.name(topic)) == 3


class Counting(StaticLanes):
    """Counts how often it is asked: once for each record."""

    def __init__(self, lanes: list[str]) -> None:
        super().__init__(lanes)
        self.times = 0

    def lanes(self) -> frozenset[str]:
        self.times += 1
        return super().lanes()


def committed(address: str, topic: str, group: str) -> int:
    consumer = Consumer({"bootstrap.servers": address, "group.id": group})
    try:
        [found] = consumer.committed([TopicPartition(topic, 0)], timeout=WITHIN)
        return int(found.offset)
    finally:
        consumer.close()


@every_reader
def test_a_lane_that_dies_hands_over_and_returns(
    kafka_address: str,
    topic: str,
    start: Callable[..., Reader],
    producer: Sender,
    reader: type[Reader],
) -> None:
    with (
        watching(kafka_address, topic) as live,
        start(reader, Role(live=live)) as base,
    ):
        with start(reader, Role(lane="canary", live=live)) as canary:
            until_live(live, {"canary"})
            send_in(producer, topic, "canary", "for the lane")
            send_in(producer, topic, None, "one")
            canary.wait_for("for the lane")
            base.wait_for("one")
        until_live(live, set())
        send_in(producer, topic, "canary", "handed over")
        base.wait_for("handed over")
        with start(reader, Role(lane="canary", live=live)) as canary:
            until_live(live, {"canary"})
            send_in(producer, topic, "canary", "for the lane again")
            canary.wait_for("for the lane again")
            send_in(producer, topic, None, "two")
            base.wait_for("two")
    assert base.took == ["one", "handed over", "two"]
    # Its group goes on where it had stopped: it reads again what the baseline did meanwhile.
    assert canary.took == ["handed over", "for the lane again"]


def watching(address: str, shared: str) -> PolledLanes:
    """The source that the documentation shows, in more of a hurry."""
    live: PolledLanes = snippet("live_groups")["live_groups"](address, shared)
    live._interval = 0.05
    return live


def until_live(live: LiveLanes, lanes: set[str]) -> None:
    wait_until(lambda: live.lanes() == lanes, f"{lanes} are live", within=WITHIN)


def test_a_lane_goes_along_into_threads(
    topic: str, start: Callable[..., Reader], producer: Sender
) -> None:
    found = []

    class Busy(READERS[0]):  # type: ignore[misc, valid-type]
        def note(self, record: Any) -> None:
            with ThreadPoolExecutor(1) as pool:
                found.append(pool.submit(lane.bind(lane.current)).result(WITHIN))
            super().note(record)

    send_in(producer, topic, "canary", "work")
    with start(Busy, Role()) as base:
        base.wait_for("work")
    assert found == ["canary"]


def test_the_example_runs(kafka_address: str, topic: str, tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.write_text("canary")
    env = {"KAFKA": kafka_address, "TOPIC": topic, "LIVE": str(live)}
    with (
        consumer("kafka_orders.py", "base", tmp_path, env) as base,
        consumer("kafka_orders.py", "canary", tmp_path, {**env, "LANE": "canary"}) as canary,
    ):
        for order in (["tea", "canary"], ["cake", "pr-1"], ["milk"]):
            run("kafka_orders.py", *order, env=env)
        wait_until(lambda: "milk" in base.read_text(), "the baseline has read all", within=WITHIN)
        wait_until(lambda: "tea" in canary.read_text(), "the lane has read its own", within=WITHIN)
    assert base.read_text().splitlines() == ["cake in lane pr-1", "milk in lane None"]
    assert canary.read_text().splitlines() == ["tea in lane canary"]


class Enough(Exception):
    """Ends a loop of the documentation, which has no end."""


@pytest.fixture(scope="module")
def orders(kafka_address: str) -> Iterator[Sender]:
    """A producer for the topic of the documentation."""
    make_topic(kafka_address, "orders")
    with sender(KafkaPythonSender, kafka_address) as one:
        yield one


def test_the_loop_that_is_shown_for_confluent(kafka_address: str, orders: Sender) -> None:
    send_in(orders, "orders", "canary", "not ours")
    send_in(orders, "orders", "pr-1", "confluent")
    found = []

    def work(message: Any) -> None:
        found.append((message.value(), lane.current()))
        raise Enough

    role = Role(lane="pr-1", live=CANARY)
    with pytest.raises(Enough):
        snippet("confluent")["consume"](kafka_address, role, work)
    assert found == [(b"confluent", "pr-1")]
    assert lane.current() is None


async def test_the_loop_that_is_shown_for_aiokafka(kafka_address: str, orders: Sender) -> None:
    send_in(orders, "orders", "canary", "not ours")
    send_in(orders, "orders", "pr-2", "aiokafka")
    found = []

    async def work(record: Any) -> None:
        found.append((record.value, lane.current()))
        raise Enough

    role = Role(lane="pr-2", live=CANARY)
    with pytest.raises(Enough):
        async with asyncio.timeout(WITHIN):
            await snippet("aiokafka")["consume"](kafka_address, role, work)
    assert found == [(b"aiokafka", "pr-2")]
    assert lane.current() is None
