"""ExternalProcessor/Process with real gRPC clients."""

import asyncio
import logging
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
from extproc.support import (
    DEADLINE,
    METHOD,
    ask,
    ending,
    engine,
    message,
    service,
    start,
    until,
    written,
)

from colorfast.extproc import Processor, answering
from colorfast.extproc._reports import REPORT_EVERY, Reports
from colorfast.extproc._service import ExternalProcessor
from colorfast.extproc._transport import MAX_MESSAGE
from colorfast.extproc.wire import ProcessingRequest, ProcessingResponse

pytestmark = pytest.mark.usefixtures("transport")

PC = message([("agent", b"pc")])
CARRIED = message([("baggage", b"lane=canary"), ("agent", b"pc")])
CARRY = ("colorfast-station", "carry")

Method: TypeAlias = "grpc.StreamStreamMultiCallable[bytes, bytes]"


def other_phase(phase: str) -> bytes:
    request = ProcessingRequest()
    getattr(request, phase).SetInParent()
    return request.SerializeToString()


async def test_an_aio_client_is_answered(folder: Path) -> None:
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        assert written(await ask(channel, PC))[0]["x-lane"] == b"canary"


async def test_a_blocking_client_is_answered(folder: Path) -> None:
    def call(address: str) -> list[bytes]:
        with grpc.insecure_channel(address) as channel:
            method: Method = channel.stream_stream(METHOD)
            return list(method(iter([PC, PC]), timeout=DEADLINE))

    async with service(folder) as running:
        answers = await asyncio.to_thread(call, running.address)
    assert [written(answer)[0]["x-lane"] for answer in answers] == [b"canary"] * 2


async def test_the_station_is_the_streams(folder: Path) -> None:
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        assert set(written(await ask(channel, CARRIED))[0]) == {"x-lane", "baggage"}
        assert set(written(await ask(channel, CARRIED, CARRY))[0]) == {"x-lane"}


async def test_one_stream_takes_every_phase(folder: Path) -> None:
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        call = start(channel)
        answered = []
        for request in (PC, other_phase("request_body"), other_phase("response_headers")):
            await call.write(request)
            answer = await call.read()
            assert isinstance(answer, bytes)
            answered.append(ProcessingResponse.FromString(answer).WhichOneof("response"))
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK
    assert answered == ["request_headers", "request_body", "response_headers"]


async def test_a_reset_leaves_no_log_line_and_no_stream(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        caplog.set_level(logging.INFO)
        caplog.clear()
        await asyncio.gather(*(ask(channel, PC) for _ in range(200)))
        idle = start(channel)
        await idle.write(PC)
        await idle.read()
        assert running.processor.counters.streams_active > 0
        idle.cancel()
        await until(lambda: running.processor.counters.streams_active == 0)
        assert caplog.records == []
        assert sum(running.processor.counters.messages.values()) == 201


@pytest.mark.parametrize(
    "method",
    [
        "/envoy.service.ext_proc.v3.ExternalProcessor/Other",
        "/envoy.service.ext_proc.v2.ExternalProcessor/Process",
        "/grpc.health.v1.Health/List",
        "/",
    ],
)
async def test_other_methods_are_unimplemented(folder: Path, method: str) -> None:
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        assert await ending(channel, PC, method=method) is grpc.StatusCode.UNIMPLEMENTED


async def test_garbage_ends_its_own_stream_only(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        for _ in range(5):
            assert await ending(channel, b"\xff") is grpc.StatusCode.INVALID_ARGUMENT
        assert written(await ask(channel, PC))[0]["x-lane"] == b"canary"
        await until(lambda: running.processor.counters.streams_active == 0)
        assert running.processor.counters.messages["dye", "unknown", "refused"] == 5
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "CF604" in warnings[0].getMessage()


async def test_a_station_that_does_not_exist_is_an_invalid_argument(folder: Path) -> None:
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        status = await ending(channel, PC, ("colorfast-station", "hop"))
        assert status is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_message_that_is_too_large_ends_its_own_stream_only(folder: Path) -> None:
    large = message([("baggage", b"x" * MAX_MESSAGE)])
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        assert await ending(channel, large) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert written(await ask(channel, PC))[0]["x-lane"] == b"canary"


async def test_reports_about_peers_are_spaced(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = iter([0.0, 1.0, REPORT_EVERY + 1.0])
    external = ExternalProcessor(Processor(engine()), Reports(lambda: next(times)))
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((external.handler(),))
    server.add_insecure_port(f"unix:{folder}/ep")
    await server.start()
    async with grpc.aio.insecure_channel(f"unix:{folder}/ep") as channel:
        for _ in range(3):
            await ending(channel, b"\xff")
    await server.stop(None)
    assert ["; 1 more since" in record.getMessage() for record in caplog.records] == [False, True]


async def test_a_processor_can_be_put_on_grpc_alone(folder: Path) -> None:
    address = f"unix:{folder}/ep"
    async with (
        answering(Processor(engine()), address),
        grpc.aio.insecure_channel(address) as channel,
    ):
        assert written(await ask(channel, PC))[0]["x-lane"] == b"canary"
