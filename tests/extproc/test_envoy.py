"""What only a real Envoy can tell: the bytes it sends, and what it makes of the answers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from extproc import captured
from extproc.support import DEADLINE, edge, engine, ext_proc, recorder, service, until

from colorfast.extproc import Processor, StreamOptions, answering

pytestmark = pytest.mark.usefixtures("transport")

PC = (b"agent", b"pc")
BODIES = {
    "request_header_mode": "SEND",
    "response_header_mode": "SEND",
    "request_body_mode": "BUFFERED",
    "response_body_mode": "STREAMED",
}


def metadata(**pairs: str) -> dict[str, Any]:
    return {
        "grpc_service": {
            "envoy_grpc": {"cluster_name": "colorfast", "authority": "colorfast"},
            "initial_metadata": [
                {"key": f"colorfast-{key}", "value": value} for key, value in pairs.items()
            ],
        }
    }


async def test_envoy_sends_what_was_captured(folder: Path) -> None:
    async with recorder(folder) as messages, edge(folder, f"unix:{folder}/ep") as envoy:
        await envoy.send(
            PC,
            (b"cookie", b"a=1"),
            (b"cookie", b"b=2"),
            (b"baggage", b"x=1"),
            (b"baggage", b"lane=evil"),
            (b"x-obs", b"\xe4"),
        )
    assert messages == [captured.GET]


async def test_every_phase_that_envoy_sends_is_answered(folder: Path) -> None:
    async with (
        recorder(folder) as messages,
        edge(folder, f"unix:{folder}/ep", ext_proc(processing_mode=BODIES)) as envoy,
    ):
        assert await envoy.post(b"hello") == 200
        stats = await envoy.stats()
    assert messages[:2] == [captured.POST, captured.BODY]
    assert (stats["stream_msgs_sent"], stats["stream_msgs_received"]) == (4, 4)
    assert not stats.keys() & {"spurious_msgs_received", "streams_failed", "message_timeouts"}


async def test_what_is_written_arrives(folder: Path) -> None:
    async with service(folder) as running, edge(folder, running.address) as envoy:
        seen = await envoy.send(PC, (b"baggage", b"a=1"), (b"Baggage", b"lane=evil,b"))
        assert seen.header(b"x-lane") == [b"canary"]
        assert seen.header(b"baggage") == [b"lane=canary,a=1,b"]
        seen = await envoy.send((b"x-lane", b"canary"), (b"baggage", b"lane=canary"))
        assert (seen.header(b"x-lane"), seen.header(b"baggage")) == ([], [])
        stats = await envoy.stats()
    assert set(stats) == {
        "streams_started",
        "stream_msgs_sent",
        "stream_msgs_received",
        "streams_closed",
    }


async def test_envoys_resets_leave_nothing_behind(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(folder) as running, edge(folder, running.address) as envoy:
        caplog.clear()
        await asyncio.gather(*(envoy.send(PC) for _ in range(100)))
        await until(lambda: running.processor.counters.streams_active == 0)
        assert (await envoy.stats())["streams_closed"] == 100
        resets = await envoy.stats("cluster.colorfast.upstream_rq_tx_reset")
        assert resets == {"upstream_rq_tx_reset": 100}
    assert caplog.records == []


async def test_the_station_and_metadata_come_from_the_filter(folder: Path) -> None:
    shown: dict[str, Any] = {
        "name": "shown",
        "typed_config": {
            "@type": "type.googleapis.com/"
            "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {
                "request_mutations": [
                    {"append": {"header": {"key": f"x-{key}", "value": value}}}
                    for key, value in {
                        "chosen": "%DYNAMIC_METADATA(colorfast:lane)%",
                        "by": "%DYNAMIC_METADATA(colorfast:policy)%",
                    }.items()
                ]
            },
        },
    }
    untyped = {"receiving_namespaces": {"untyped": ["colorfast"]}}
    asks = ext_proc(**metadata(station="carry", metadata="on"), metadata_options=untyped)
    async with service(folder) as running, edge(folder, running.address, asks, shown) as envoy:
        seen = await envoy.send((b"baggage", b"lane=pr-7"))
        assert seen.header(b"x-lane") == [b"pr-7"]
        assert seen.header(b"x-chosen") == [b"pr-7"]
        assert seen.header(b"x-by") == [running.processor.engine.policy.digest.encode()]


async def test_the_clients_address_comes_as_an_attribute(folder: Path) -> None:
    spec = "rules: [{name: near, match: [{sourceIp: [127.0.0.0/8]}], lane: canary}]"
    asks = ext_proc(request_attributes=["source.address"])
    async with (
        service(folder, spec) as running,
        edge(folder, running.address, asks, listen="127.0.0.1:0") as envoy,
    ):
        host, port = await envoy.address()
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(DEADLINE):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert b"x-lane: canary" in answer


async def test_an_answer_that_envoy_would_refuse_fails_the_request(folder: Path) -> None:
    """Why control bytes are dropped: not even failure_mode_allow saves such a request."""

    class Careless(Processor):
        def process(self, message: bytes, stream: StreamOptions) -> bytes:
            return super().process(message, stream).replace(b"lane=canary", b"lane=\x01anary")

    lenient = ext_proc(failure_mode_allow=True)
    async with (
        answering(Careless(engine()), f"unix:{folder}/ep"),
        edge(folder, f"unix:{folder}/ep", lenient) as envoy,
    ):
        with pytest.raises(AssertionError, match="500 Internal Server Error"):
            await envoy.send(PC)


async def test_baggage_near_envoys_limit_passes(folder: Path) -> None:
    async with service(folder) as running, edge(folder, running.address) as envoy:
        for size, kept in ((59_000, True), (61_000, False)):
            rest = b"a=" + b"x" * size
            seen = await envoy.send(PC, (b"baggage", rest))
            assert seen.header(b"baggage") == [b"lane=canary" + (b"," + rest if kept else b"")]
        assert running.processor.counters.refused_values == 1
