"""Kafka records, of the classes that the three clients have."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeAlias

import aiokafka
import confluent_kafka
import pytest
from kafka.consumer.fetcher import ConsumerRecord
from opentelemetry import context as otel

from colorfast.propagator import lane
from colorfast.propagator.messaging import Role, StaticLanes, kafka

Pairs: TypeAlias = Sequence[tuple[str, bytes | None]]
Make: TypeAlias = Callable[[Pairs], Any]

LIVE = StaticLanes(["canary"])
CANARY = Role(lane="canary", live=LIVE)
BASE = Role(live=LIVE)


def kafka_python(headers: Pairs) -> Any:
    return ConsumerRecord("t", 0, 0, 0, 0, 0, None, b"", headers, None, 0, 0, 0)


def aio(headers: Pairs) -> Any:
    return aiokafka.ConsumerRecord("t", 0, 0, 0, 0, None, b"", None, 0, 0, tuple(headers))


def confluent(headers: Pairs) -> Any:
    return confluent_kafka.Message(topic="t", value=b"", headers=list(headers) or None)


@pytest.fixture(params=[kafka_python, aio, confluent])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


def of(name: str | None) -> Pairs:
    return [("id", b"7"), ("x-lane", name.encode())] if name else [("id", b"7")]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], None),
        ([("x-lane", b"canary")], "canary"),
        ([("X-Lane", b"canary")], "canary"),
        ([("baggage", b"a=1,lane=canary;p=1")], "canary"),
        ([("x-lane", b"pr-1"), ("baggage", b"lane=canary")], "pr-1"),
        ([("x-lane", b"Not A Lane"), ("baggage", b"lane=canary")], "canary"),
        ([("x-lane", b"\xff")], None),
        ([("x-lane", None)], None),
        ([("x-lane", b"")], None),
    ],
)
def test_the_lane_of_a_record(make: Make, headers: Pairs, expected: str | None) -> None:
    assert kafka.lane_of(make(headers)) == expected


def test_a_block_runs_in_the_lane_of_a_record(make: Make) -> None:
    with lane.use("pr-1"):
        with kafka.from_record(make(of("canary"))):
            assert lane.current() == "canary"
        with kafka.from_record(make([])):
            assert lane.current() is None
        assert lane.current() == "pr-1"


@pytest.mark.parametrize(
    ("role", "taken"),
    [
        (CANARY, ["canary", "canary"]),
        (BASE, [None, "base", "pr-1", None]),
        (Role(live=StaticLanes()), [None, "canary", "base", "pr-1", "canary", None]),
        (Role(lane="pr-2", live=LIVE), []),
    ],
)
def test_a_role_keeps_its_records_each_in_its_lane(
    make: Make, role: Role, taken: list[str | None]
) -> None:
    batch = [make(of(one)) for one in (None, "canary", "base", "pr-1", "canary", None)]
    with lane.use("pr-9"):
        seen = []
        for record in kafka.records(batch, role):
            assert lane.current() == kafka.lane_of(record)
            seen.append(lane.current())
        assert lane.current() == "pr-9"
    assert seen == taken


def test_batches_by_partition_are_filtered_too(make: Make) -> None:
    polled = {0: [make(of("canary")), make(of(None))], 1: [make(of("pr-1"))]}
    taken = [kafka.lane_of(record) for record in kafka.records(polled, BASE)]
    assert taken == [None, "pr-1"]


def test_who_commits_record_by_record_hears_of_the_skipped(make: Make) -> None:
    batch = [make(of(one)) for one in ("canary", None, "canary", "pr-1")]
    skipped: list[Any] = []
    assert list(kafka.records(batch, BASE, skipped=skipped.append)) == [batch[1], batch[3]]
    assert skipped == [batch[0], batch[2]]


def broken_out_of(batch: list[Any]) -> None:
    for _ in kafka.records(batch, BASE):
        break


def raised_in(batch: list[Any]) -> None:
    for _ in kafka.records(batch, BASE):
        raise ZeroDivisionError


@pytest.mark.parametrize("leave", [broken_out_of, raised_in])
def test_the_lane_ends_with_the_loop_however_it_is_left(
    make: Make, leave: Callable[[list[Any]], None]
) -> None:
    before = otel.get_current()
    try:
        leave([make(of("pr-1")), make(of("pr-1"))])
    except ZeroDivisionError:
        assert otel.get_current() is before
    assert otel.get_current() is before


def test_an_error_of_confluent_comes_through_to_everybody() -> None:
    error = confluent_kafka.KafkaError(confluent_kafka.KafkaError._ALL_BROKERS_DOWN)
    batch = [confluent_kafka.Message(topic="t", error=error), confluent(of(None))]
    assert list(kafka.records(batch, CANARY)) == batch[:1]
    assert list(kafka.records(batch, BASE)) == batch


class Stream:
    """What aiokafka's consumer is to a loop."""

    def __init__(self, records: list[Any]) -> None:
        self._records = iter(records)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        await asyncio.sleep(0)
        for record in self._records:
            return record
        raise StopAsyncIteration


@pytest.fixture
def stream() -> Stream:
    return Stream([aio(of(one)) for one in ("canary", None, "pr-1", "canary", "base")])


async def test_a_stream_is_filtered_each_record_in_its_lane(stream: Stream) -> None:
    skipped = []

    async def note(record: Any) -> None:
        await asyncio.sleep(0)
        skipped.append(kafka.lane_of(record))

    with lane.use("pr-9"):
        seen = [lane.current() async for _ in kafka.async_records(stream, BASE, skipped=note)]
        assert lane.current() == "pr-9"
    assert seen == [None, "pr-1", "base"]
    assert skipped == ["canary", "canary"]


async def test_the_lane_goes_into_what_the_loop_starts(stream: Stream) -> None:
    async def work() -> str | None:
        await asyncio.sleep(0)
        return lane.current()

    async with kafka.async_records(stream, CANARY) as records:
        tasks = [asyncio.create_task(work()) async for _ in records]
    assert await asyncio.gather(*tasks) == ["canary", "canary"]


async def test_leaving_the_block_ends_the_lane(stream: Stream) -> None:
    before = otel.get_current()
    async with kafka.async_records(stream, CANARY) as records:
        async for _ in records:
            assert lane.current() == "canary"
            break
        assert lane.current() == "canary"
    assert otel.get_current() is before


async def test_breaking_out_of_a_loop_alone_ends_the_lane(stream: Stream) -> None:
    before = otel.get_current()
    async for _ in kafka.async_records(stream, CANARY):
        assert lane.current() == "canary"
        break
    assert otel.get_current() is before


# Producing.


def test_headers_have_the_current_lane() -> None:
    with lane.use("canary"):
        assert kafka.headers() == [("x-lane", b"canary"), ("baggage", b"lane=canary")]


def test_forwarded_headers_do_not_go_stale(make: Make) -> None:
    record = make(
        [("x-lane", b"old"), ("id", b"7"), ("X-LANE", b"older"), ("baggage", b"a=1,lane=old;p=2")]
    )
    forwarded = record.headers() if callable(record.headers) else record.headers
    with lane.use("canary"):
        sent = kafka.headers(forwarded)
    assert sent == [("id", b"7"), ("x-lane", b"canary"), ("baggage", b"lane=canary,a=1")]
    assert kafka.lane_of(make(sent)) == "canary"


def test_without_a_lane_headers_are_forwarded_as_they_are() -> None:
    assert kafka.headers() == []
    assert kafka.headers([("x-lane", b"canary"), ("id", b"7")]) == [
        ("x-lane", b"canary"),
        ("id", b"7"),
    ]


def test_what_others_have_in_baggage_goes_on(make: Make) -> None:
    with kafka.from_record(make([("baggage", b"tenant=blue,lane=canary")])):
        assert dict(kafka.headers())["baggage"] == b"lane=canary,tenant=blue"
