"""What gRPC clients do, on both transports: the same calls, the same answers, the same statuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from extproc.support import DEADLINE, METHOD, message, service, until, written
from interop.clients import CANCELLED, CLIENTS, DEADLINE_EXCEEDED, Client, Metadata

from colorfast.extproc import Running
from colorfast.extproc._transport import MAX_MESSAGE
from colorfast.extproc.wire import HealthCheckRequest, HealthCheckResponse, ProcessingResponse

PC = message([("agent", b"pc")])
HEALTH = "/grpc.health.v1.Health"
SERVING = HealthCheckResponse(status=HealthCheckResponse.SERVING).SerializeToString()
NOT_SERVING = HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING).SerializeToString()

OTHERWISE = {"grpclib": {CANCELLED}}
"""grpclib takes the RST_STREAM(NO_ERROR) after an early answer (RFC 9113 8.1) for a failure."""

pytestmark = [
    pytest.mark.usefixtures("transport"),
    pytest.mark.parametrize("client", CLIENTS),
]


@asynccontextmanager
async def connected(folder: Path, client: str) -> AsyncIterator[tuple[Running, Client]]:
    async with service(folder) as running, CLIENTS[client](f"{folder}/ep") as one:
        yield running, one
        await until(lambda: running.processor.counters.streams_active == 0)


async def talk(
    client: Client,
    *messages: bytes,
    method: str = METHOD,
    metadata: Metadata = (),
    within: float = DEADLINE,
) -> tuple[list[bytes], int]:
    """Send *messages* and half-close; every answer, and the status."""
    stream = await client.open(method, metadata=metadata, within=within)
    for one in messages:
        await stream.send(one)
    await stream.half_close()
    answers = []
    while (answer := await stream.receive()) is not None:
        answers.append(answer)
    return answers, await stream.status()


def lane(answer: bytes) -> bytes:
    return written(answer)[0]["x-lane"]


async def test_one_message(folder: Path, client: str) -> None:
    async with connected(folder, client) as (_, one):
        [answer], status = await talk(one, PC)
    assert (lane(answer), status) == (b"canary", 0)


async def test_several_messages_are_answered_in_order(folder: Path, client: str) -> None:
    phases = [message(phase="response_headers"), message(phase="request_headers"), PC]
    async with connected(folder, client) as (_, one):
        answers, status = await talk(one, *phases)
    kinds = [ProcessingResponse.FromString(answer).WhichOneof("response") for answer in answers]
    assert kinds == ["response_headers", "request_headers", "request_headers"]
    assert status == 0


async def test_a_dialogue(folder: Path, client: str) -> None:
    async with connected(folder, client) as (_, one):
        stream = await one.open(METHOD, within=DEADLINE)
        for _ in range(5):
            await stream.send(PC)
            answer = await stream.receive()
            assert answer is not None
            assert lane(answer) == b"canary"
        await stream.half_close()
        assert await stream.receive() is None
        assert await stream.status() == 0


async def test_no_message_at_all(folder: Path, client: str) -> None:
    async with connected(folder, client) as (_, one):
        assert await talk(one) == ([], 0)


async def test_a_cancelled_stream_leaves_nothing(folder: Path, client: str) -> None:
    async with connected(folder, client) as (running, one):
        stream = await one.open(METHOD, within=DEADLINE)
        await stream.send(PC)
        assert await stream.receive() is not None
        assert running.processor.counters.streams_active == 1
        await stream.cancel()
        await until(lambda: running.processor.counters.streams_active == 0)
        assert (await talk(one, PC))[1] == 0


async def test_a_deadline_ends_a_stream_that_says_nothing(folder: Path, client: str) -> None:
    async with connected(folder, client) as (running, one):
        stream = await one.open(METHOD, within=0.5)
        await stream.send(PC)
        assert await stream.receive() is not None
        assert await stream.receive() is None
        assert await stream.status() == DEADLINE_EXCEEDED
        await stream.cancel()
        await until(lambda: running.processor.counters.streams_active == 0)


@pytest.mark.parametrize("size", [16_384, 100_000, MAX_MESSAGE - 200])
async def test_a_large_message(folder: Path, client: str, size: int) -> None:
    large = message([("agent", b"pc"), ("cookie", b"x" * size)])
    async with connected(folder, client) as (_, one):
        answers, status = await talk(one, large, large)
    assert ([lane(answer) for answer in answers], status) == ([b"canary"] * 2, 0)


async def test_a_large_answer(folder: Path, client: str) -> None:
    rest = b"a=" + b"x" * 50_000
    large = message([("agent", b"pc"), ("baggage", rest)])
    async with connected(folder, client) as (_, one):
        answers, status = await talk(one, *[large] * 20)
    assert {written(answer)[0]["baggage"] for answer in answers} == {b"lane=canary," + rest}
    assert (len(answers), status) == (20, 0)


async def test_a_message_that_is_too_large_is_refused(folder: Path, client: str) -> None:
    async with connected(folder, client) as (_, one):
        status = (await talk(one, b"x" * (MAX_MESSAGE + 1)))[1]
        assert status in {grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], *OTHERWISE.get(client, ())}
        assert (await talk(one, PC))[1] == 0


async def test_metadata_says_the_station(folder: Path, client: str) -> None:
    carried = message([("baggage", b"lane=pr-7")])
    metadata = [("colorfast-station", "carry"), ("x-other", "1"), ("x-other", "2")]
    async with connected(folder, client) as (_, one):
        [answer], status = await talk(one, carried, metadata=metadata)
    assert (lane(answer), status) == (b"pr-7", 0)


async def test_metadata_that_makes_no_sense_is_refused(folder: Path, client: str) -> None:
    async with connected(folder, client) as (_, one):
        said = await talk(one, PC, metadata=[("colorfast-station", "paint")])
    assert said == ([], grpc.StatusCode.INVALID_ARGUMENT.value[0])


async def test_a_message_that_makes_no_sense_is_refused(folder: Path, client: str) -> None:
    async with connected(folder, client) as (_, one):
        assert await talk(one, b"\xff") == ([], grpc.StatusCode.INVALID_ARGUMENT.value[0])


async def test_a_hundred_at_once(folder: Path, client: str) -> None:
    async with connected(folder, client) as (running, one):
        said = await asyncio.gather(*(talk(one, PC, PC) for _ in range(100)))
        assert sum(running.processor.counters.messages.values()) == 200
    assert {(len(answers), status) for answers, status in said} == {(2, 0)}


@pytest.mark.parametrize(
    "method",
    [
        "/envoy.service.ext_proc.v3.ExternalProcessor/Other",
        "/envoy.service.ext_proc.v3.Other/Process",
        "/x/y",
        f"{HEALTH}/Other",
    ],
)
async def test_what_is_not_served_is_unimplemented(folder: Path, client: str, method: str) -> None:
    async with connected(folder, client) as (_, one):
        said = await talk(one, PC, method=method)
    assert said == ([], grpc.StatusCode.UNIMPLEMENTED.value[0])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", ([SERVING], 0)),
        ("envoy.service.ext_proc.v3.ExternalProcessor", ([SERVING], 0)),
        ("other", ([], grpc.StatusCode.NOT_FOUND.value[0])),
    ],
)
async def test_health_can_be_checked(
    folder: Path, client: str, name: str, said: tuple[list[bytes], int]
) -> None:
    request = HealthCheckRequest(service=name).SerializeToString()
    async with connected(folder, client) as (_, one):
        assert await talk(one, request, method=f"{HEALTH}/Check") == said


async def test_health_can_be_watched(folder: Path, client: str) -> None:
    async with connected(folder, client) as (running, one):
        stream = await one.open(f"{HEALTH}/Watch", within=DEADLINE)
        await stream.send(b"")
        await stream.half_close()
        assert await stream.receive() == SERVING
        running.health.serving = False
        assert await stream.receive() == NOT_SERVING
        running.health.serving = True
        assert await stream.receive() == SERVING
        await stream.cancel()


async def test_a_client_goes_on_when_the_service_comes_back(folder: Path, client: str) -> None:
    async with CLIENTS[client](f"{folder}/ep") as one:
        for _ in range(3):
            async with service(folder):
                said = [await talk(one, PC)]
                # One that had lost its connection may notice it by a call.
                while said[-1][1] and len(said) < 50:
                    await asyncio.sleep(0.1)
                    said.append(await talk(one, PC))
                assert said[-1][1] == 0


async def test_while_it_drains_open_streams_go_on(folder: Path, client: str) -> None:
    if client == "grpclib":
        pytest.skip("grpclib gives a connection up at its first GOAWAY")
    async with service(folder) as running, CLIENTS[client](f"{folder}/ep") as one:
        stream = await one.open(METHOD, within=DEADLINE)
        await stream.send(PC)
        assert await stream.receive() is not None
        finishing = asyncio.create_task(running.finish())
        await until(lambda: running.health.closed)
        await stream.send(PC)
        assert await stream.receive() is not None
        await stream.half_close()
        assert await stream.receive() is None
        assert await stream.status() == 0
        await finishing
