"""grpc.health.v1 with real gRPC clients, and a real Envoy that checks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
from extproc.support import DEADLINE, Edge, edge, service

from colorfast.extproc import Running
from colorfast.extproc.wire import HealthCheckRequest, HealthCheckResponse

pytestmark = pytest.mark.usefixtures("transport")

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN

Check: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
Watch: TypeAlias = "grpc.aio.UnaryStreamMultiCallable[bytes, bytes]"
Watching: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes]"


@asynccontextmanager
async def health(folder: Path) -> AsyncIterator[tuple[Running, grpc.aio.Channel]]:
    async with (
        service(folder, drain_delay=DEADLINE) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        yield running, channel


async def check(channel: grpc.aio.Channel, request: bytes) -> int:
    method: Check = channel.unary_unary("/grpc.health.v1.Health/Check")
    answer = await method(request, timeout=DEADLINE)
    return HealthCheckResponse.FromString(answer).status


def watch(channel: grpc.aio.Channel, name: str) -> Watching:
    request = HealthCheckRequest(service=name).SerializeToString()
    method: Watch = channel.unary_stream("/grpc.health.v1.Health/Watch")
    return method(request, timeout=DEADLINE)


async def told(call: Watching) -> int:
    answer = await call.read()
    assert isinstance(answer, bytes)
    return HealthCheckResponse.FromString(answer).status


@pytest.mark.parametrize("name", ["", SERVICE])
async def test_check_knows_the_server_and_its_service(folder: Path, name: str) -> None:
    request = HealthCheckRequest(service=name).SerializeToString()
    async with health(folder) as (running, channel):
        assert await check(channel, request) == SERVING
        running.health.serving = False
        assert await check(channel, request) == NOT_SERVING


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (HealthCheckRequest(service="other").SerializeToString(), grpc.StatusCode.NOT_FOUND),
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_check_refuses_what_it_does_not_know(
    folder: Path, request_bytes: bytes, status: grpc.StatusCode
) -> None:
    async with health(folder) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await check(channel, request_bytes)
    assert caught.value.code() is status


async def test_watch_tells_every_change_once(folder: Path) -> None:
    async with health(folder) as (running, channel):
        call = watch(channel, SERVICE)
        assert await told(call) == SERVING
        running.health.serving = True
        running.health.serving = False
        assert await told(call) == NOT_SERVING
        running.health.serving = True
        assert await told(call) == SERVING
        call.cancel()


async def test_watch_of_an_unknown_service_stays_open(folder: Path) -> None:
    async with health(folder) as (running, channel):
        call = watch(channel, "other")
        assert await told(call) == SERVICE_UNKNOWN
        running.health.serving = False
        assert not call.done()
        call.cancel()


async def test_watch_ends_cleanly_when_the_server_stops(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(folder) as running:
        channel = grpc.aio.insecure_channel(running.address)
        calls = [watch(channel, ""), watch(channel, SERVICE), watch(channel, "other")]
        assert [await told(call) for call in calls] == [SERVING, SERVING, SERVICE_UNKNOWN]
    assert [await told(call) for call in calls[:2]] == [NOT_SERVING, NOT_SERVING]
    assert [await call.read() for call in calls] == [grpc.aio.EOF] * 3
    assert [await call.code() for call in calls] == [grpc.StatusCode.OK] * 3
    await channel.close()
    assert caplog.records == []


async def becomes_healthy(envoy: Edge, healthy: bool) -> None:
    async with asyncio.timeout(DEADLINE):
        while bool(await envoy.stats("colorfast.membership_healthy")) is not healthy:
            pass  # asking takes its time already


async def test_envoys_health_check_is_answered(folder: Path) -> None:
    checks = {
        "health_checks": [
            {
                "timeout": "5s",
                "interval": "0.1s",
                "no_traffic_interval": "0.1s",
                "healthy_threshold": 1,
                "unhealthy_threshold": 1,
                "grpc_health_check": {"service_name": SERVICE},
            }
        ]
    }
    async with service(folder) as running, edge(folder, running.address, cluster=checks) as envoy:
        for serving in (True, False, True):
            running.health.serving = serving
            await becomes_healthy(envoy, serving)
        assert (await envoy.stats("colorfast.health_check"))["success"] > 0
