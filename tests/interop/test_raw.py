"""What no library's client would say: pings, wrong content types, compressed messages, drains."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
from extproc.support import DEADLINE, METHOD, message, service, start, until, written

PC = message([("agent", b"pc")])
FRAMED = b"\0" + len(PC).to_bytes(4, "big") + PC

pytestmark = pytest.mark.usefixtures("transport")


class Raw:
    """python-hyper's h2 as a client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="ascii"))
        self.h2.initiate_connection()
        self.events: list[h2.events.Event] = []

    def request(self, stream: int, body: bytes, *, ends: bool = False, **fields: str) -> None:
        """Send a POST with *body*; *fields* replace header fields, ``_`` stands for ``-``."""
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        content_type = given.pop("content-type", "application/grpc")
        head = [(":method", "POST"), (":scheme", "http"), (":authority", "ep"), (":path", METHOD)]
        head += [("te", "trailers"), ("content-type", content_type), *given.items()]
        self.h2.send_headers(stream, head)
        self.h2.send_data(stream, body, end_stream=ends)

    async def read(self, kind: type[h2.events.Event], count: int = 1) -> list[h2.events.Event]:
        """Flush, and read until there have been *count* events of *kind*; those."""
        async with asyncio.timeout(DEADLINE):
            while True:
                self._writer.write(self.h2.data_to_send())
                found = [event for event in self.events if isinstance(event, kind)]
                if len(found) >= count:
                    return found
                data = await self._reader.read(65_536)
                assert data, self.events
                self.events += self.h2.receive_data(data)


@asynccontextmanager
async def raw(folder: Path) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_unix_connection(str(folder / "ep"))
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


def fields(event: h2.events.Event) -> dict[str, str]:
    return dict(event.headers)  # type: ignore[attr-defined]


async def test_pings_are_answered_with_what_they_hold(folder: Path) -> None:
    async with service(folder), raw(folder) as client:
        sent = [number.to_bytes(8, "big") for number in range(2)]
        for data in sent:
            client.h2.ping(data)
        acks = await client.read(h2.events.PingAckReceived, len(sent))
        assert [ack.ping_data for ack in acks] == sent  # type: ignore[attr-defined]
        client.request(1, FRAMED)
        await client.read(h2.events.DataReceived)


async def test_keepalive_pings_of_a_client_are_no_abuse(folder: Path) -> None:
    """At the rate that Envoy's ``connection_keepalive`` may have: one in half a second."""
    options = (
        ("grpc.keepalive_time_ms", 600),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    )
    async with (
        service(folder) as running,
        grpc.aio.insecure_channel(running.address, options) as channel,
    ):
        call = start(channel)
        await call.write(PC)
        await call.read()
        await asyncio.sleep(3)  # five pings; what is proven is that nothing happens
        await call.write(PC)
        assert isinstance(await call.read(), bytes)
        call.cancel()


@pytest.mark.parametrize("content_type", ["text/html", "application/grpcx", "application/json"])
async def test_another_content_type_is_415(folder: Path, transport: str, content_type: str) -> None:
    async with service(folder), raw(folder) as client:
        client.request(1, FRAMED, ends=True, content_type=content_type)
        answer = fields(await first(client))
    # gRPC's own servers answer as if it had been gRPC.
    assert answer[":status"] == ("415" if transport == "http2" else "200")


async def first(client: Raw) -> h2.events.Event:
    return (await client.read(h2.events.ResponseReceived))[0]


@pytest.mark.parametrize("content_type", ["application/grpc+proto", "application/grpc;x=y"])
async def test_subtypes_of_grpc_are_grpc(folder: Path, content_type: str) -> None:
    async with service(folder), raw(folder) as client:
        client.request(1, FRAMED, content_type=content_type)
        await client.read(h2.events.DataReceived)
        assert fields(await first(client))[":status"] == "200"


async def test_a_compressed_message(folder: Path, transport: str) -> None:
    """Own HTTP/2 refuses it, as gRPC wants it refused; gRPC itself can unpack it."""
    large = message([("agent", b"pc"), ("cookie", b"x" * 10_000)])
    async with (
        service(folder) as running,
        grpc.aio.insecure_channel(running.address, compression=grpc.Compression.Gzip) as channel,
    ):
        call = start(channel)
        await call.write(large)
        if transport == "grpcio":
            answer = await call.read()
            assert isinstance(answer, bytes)
            assert written(answer)[0]["x-lane"] == b"canary"
            call.cancel()
        else:
            assert await call.code() is grpc.StatusCode.UNIMPLEMENTED
        await until(lambda: running.processor.counters.streams_active == 0)


async def test_a_client_that_says_it_can_unpack_is_answered_plainly(folder: Path) -> None:
    async with service(folder), raw(folder) as client:
        client.request(1, FRAMED, grpc_accept_encoding="identity, deflate, gzip")
        [data] = await client.read(h2.events.DataReceived)
        assert data.data[:1] == b"\0"  # type: ignore[attr-defined]
