"""Envoy's two gRPC clients, its own and Google's, on both transports."""

import asyncio
import http.client
from pathlib import Path
from typing import Any

import pytest
from extproc.support import DEADLINE, Edge, edge, ext_proc, service, until

from colorfast.envoy import Json
from helpers.envoys import connect

LINE = (b"agent", b"pc")
WHOLE = {
    "request_header_mode": "SEND",
    "response_header_mode": "SEND",
    "request_body_mode": "BUFFERED",
    "response_body_mode": "STREAMED",
    "request_trailer_mode": "SKIP",
    "response_trailer_mode": "SKIP",
}
"""Every phase: a stream with many messages, which ends when the response has."""

pytestmark = [
    pytest.mark.usefixtures("transport"),
    pytest.mark.parametrize("kind", ["envoy_grpc", "google_grpc"]),
]


def filter_for(folder: Path, kind: str, **changes: Any) -> Json:
    """The ext_proc filter with the client *kind*."""
    clients: dict[str, Json] = {
        "envoy_grpc": {"cluster_name": "colorfast"},
        "google_grpc": {"target_uri": f"unix:{folder}/ep", "stat_prefix": "colorfast"},
    }
    metadata = changes.pop("metadata", {})
    grpc_service = {
        kind: clients[kind],
        "initial_metadata": [{"key": key, "value": value} for key, value in metadata.items()],
    }
    return ext_proc(grpc_service=grpc_service, **changes)


async def lanes(envoy: Edge, count: int) -> set[bytes]:
    """The lanes of *count* requests that are sent at once."""
    seen = await asyncio.gather(*(envoy.send(LINE) for _ in range(count)))
    return {lane for one in seen for lane in one.header(b"x-lane")}


async def test_requests_are_dyed(folder: Path, kind: str) -> None:
    async with (
        service(folder) as running,
        edge(folder, running.address, filter_for(folder, kind)) as envoy,
    ):
        assert await lanes(envoy, 1) == {b"canary"}
        assert await lanes(envoy, 100) == {b"canary"}
        await until(lambda: running.processor.counters.streams_active == 0)
        stats = await envoy.stats()
        assert (stats["streams_started"], stats.get("streams_failed", 0)) == (101, 0)
        assert sum(running.processor.counters.messages.values()) == 101


async def test_metadata_arrives(folder: Path, kind: str) -> None:
    asks = filter_for(folder, kind, metadata={"colorfast-station": "carry"})
    async with service(folder) as running, edge(folder, running.address, asks) as envoy:
        seen = await envoy.send((b"baggage", b"lane=pr-7"))
    assert seen.header(b"x-lane") == [b"pr-7"]


async def test_a_stream_with_many_messages(folder: Path, kind: str) -> None:
    asks = filter_for(folder, kind, processing_mode=WHOLE)
    async with service(folder) as running, edge(folder, running.address, asks) as envoy:
        for _ in range(3):
            assert await envoy.post(b"x" * 300_000) == 200
        counts = running.processor.counters.messages
        phases = {phase for _, phase, _ in counts}
        assert phases == {"request_headers", "request_body", "response_headers", "response_body"}
        await until(lambda: running.processor.counters.streams_active == 0)
        assert (await envoy.stats()).get("streams_failed", 0) == 0


@pytest.mark.parametrize("size", [20_000, 59_000])
async def test_large_headers(folder: Path, kind: str, size: int) -> None:
    rest = b"a=" + b"x" * size
    async with (
        service(folder) as running,
        edge(folder, running.address, filter_for(folder, kind)) as envoy,
    ):
        for _ in range(3):
            seen = await envoy.send(LINE, (b"baggage", rest))
            assert seen.header(b"baggage") == [b"lane=canary," + rest]


async def test_a_client_that_goes_away_leaves_nothing(folder: Path, kind: str) -> None:
    """Its stream is reset before the service has answered, or after."""
    async with (
        service(folder) as running,
        edge(folder, running.address, filter_for(folder, kind)) as envoy,
    ):
        for _ in range(20):
            await asyncio.to_thread(hang_up, f"{folder}/edge")
        assert await lanes(envoy, 1) == {b"canary"}
        await until(lambda: running.processor.counters.streams_active == 0)


async def test_a_service_that_is_slow_is_not_waited_for(folder: Path, kind: str) -> None:
    """What Envoy gives up is a stream that the service has to forget."""
    asks = filter_for(folder, kind, message_timeout="0.001s", failure_mode_allow=True)
    async with service(folder) as running, edge(folder, running.address, asks) as envoy:
        await asyncio.gather(*(envoy.send(LINE) for _ in range(50)))
        await until(lambda: running.processor.counters.streams_active == 0)


async def test_requests_go_on_when_the_service_comes_back(folder: Path, kind: str) -> None:
    asks = filter_for(folder, kind, failure_mode_allow=True)
    async with edge(folder, f"unix:{folder}/ep", asks) as envoy:
        for _ in range(2):
            async with service(folder):
                async with asyncio.timeout(DEADLINE):
                    while await lanes(envoy, 1) != {b"canary"}:
                        pass  # asking takes its time already


async def test_no_request_fails_while_the_service_drains(folder: Path, kind: str) -> None:
    """GOAWAY says which streams are served; those are."""
    async with (
        service(folder, drain_delay=0.0) as running,
        edge(folder, running.address, filter_for(folder, kind)) as envoy,
    ):
        assert await lanes(envoy, 10) == {b"canary"}
        asking = [asyncio.create_task(envoy.send(LINE)) for _ in range(20)]
        await until(lambda: sum(running.processor.counters.messages.values()) >= 15)
        await running.finish()
        seen = await asyncio.gather(*asking, return_exceptions=True)
        answered = [one for one in seen if not isinstance(one, BaseException)]
        # Those that came too late have got 500, and nothing else.
        assert len(answered) >= 5
        failed = [one for one in seen if isinstance(one, BaseException)]
        assert all("500 Internal Server Error" in str(one) for one in failed)
        await until(lambda: running.processor.counters.streams_active == 0)


async def test_connection_keepalive_is_answered(folder: Path, kind: str) -> None:
    options = {
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/"
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {
                    "http2_protocol_options": {
                        "connection_keepalive": {"interval": "0.5s", "timeout": "5s"}
                    }
                },
            }
        }
    }
    if kind == "google_grpc":
        pytest.skip("a setting of Envoy's own client")
    async with (
        service(folder) as running,
        edge(folder, running.address, filter_for(folder, kind), cluster=options) as envoy,
    ):
        assert await lanes(envoy, 1) == {b"canary"}
        await asyncio.sleep(3)  # five pings; what is proven is that nothing happens
        assert await lanes(envoy, 1) == {b"canary"}
        stats = await envoy.stats("cluster.colorfast")
        assert stats["upstream_cx_total"] == 1
        assert "keepalive_timeout" not in stats


def hang_up(path: str) -> None:
    """Send a request, and do not wait for its answer."""
    connection = http.client.HTTPConnection("shop.example.com")
    connection.sock = connect(path)
    connection.request("GET", "/", headers={"agent": "pc"})
    connection.close()
