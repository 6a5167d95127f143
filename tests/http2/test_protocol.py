"""The rim on real sockets: timeouts, back-pressure, drain, and that nothing is left behind."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from extproc.support import DEADLINE, METHOD, engine, message, until
from http2 import peer
from http2.peer import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    GREETING,
    HEADERS,
    PING,
    REQUEST,
    SETTINGS,
    Frame,
    block,
    data,
    headers,
    ping,
    reset,
    settings,
)

from colorfast.extproc import Processor
from colorfast.extproc._address import Address
from colorfast.extproc._health import Health
from colorfast.extproc.http2 import Http2Transport, Limits, _protocol
from colorfast.extproc.http2._frames import HEAD, PREFACE, frame
from helpers.envoys import short_folder

PROCESS = block([*REQUEST[:2], (b":path", METHOD.encode()), *REQUEST[3:]])
ASKED = peer.message(message([("agent", b"pc")]))


class Served:
    """A transport that listens, and what is behind it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.processor = Processor(engine())
        self.health = Health()
        self.health.serving = True
        self.transport = Http2Transport(self.processor, self.health, limits=limits)
        self.counters = self.processor.counters
        self.address = Address()

    @property
    def idle(self) -> bool:
        return not (self.counters.connections_active or self.counters.streams_active)


def risen(counts: dict[tuple[str], int]) -> dict[str, int]:
    """What is not zero any more."""
    return {label: count for (label,), count in counts.items() if count}


@asynccontextmanager
async def served(limits: Limits | None = None) -> AsyncIterator[Served]:
    one = Served(limits)
    with short_folder() as folder:
        one.address = await one.transport.start(Address(path=f"{folder}/ep"))
        try:
            yield one
        finally:
            await one.transport.stop(None)
    assert one.idle


class Client:
    """A connection of a client that says what it is told to say."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    async def read(self) -> Frame | None:
        """The next frame, or None when there is no more."""
        async with asyncio.timeout(DEADLINE):
            head = await self._reader.read(HEAD.size)
            if not head:
                return None
            while len(head) < HEAD.size:
                head += await self._reader.read(HEAD.size - len(head))
            high, low, kind, flags, stream = HEAD.unpack(head)
            return Frame(kind, flags, stream, await self._reader.readexactly(high << 8 | low))

    async def expect(self, kind: int) -> Frame:
        """The next frame of *kind*; others are passed over."""
        while (one := await self.read()) is not None:
            if one.kind == kind:
                return one
        raise AssertionError("the connection has ended")

    async def end(self) -> list[Frame]:
        """What still comes until the server closes."""
        found = []
        while (one := await self.read()) is not None:
            found.append(one)
        return found


@asynccontextmanager
async def client(one: Served, first: bytes = GREETING) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_unix_connection(one.address.path)
    writer.write(first)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def test_a_request_as_envoy_makes_it_is_answered_and_its_reset_is_its_end() -> None:
    async with served() as one, client(one) as envoy:
        for stream in (1, 3, 5):
            envoy.send(headers(stream, PROCESS), data(stream, ASKED))
            assert (await envoy.expect(HEADERS)).stream == stream
            assert b"canary" in (await envoy.expect(DATA)).payload
            assert one.counters.streams_active == 1
            envoy.send(reset(stream, 2))
            await until(lambda: one.counters.streams_active == 0)


async def test_a_connection_that_is_lost_ends_its_streams() -> None:
    async with served() as one:
        async with client(one) as envoy:
            envoy.send(headers(1, PROCESS), headers(3, PROCESS), data(3, ASKED))
            await envoy.expect(DATA)
            assert one.counters.streams_active == 2
        await until(lambda: one.idle)


async def test_whoever_does_not_shake_hands_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_protocol, "HANDSHAKE_WITHIN", 0.05)
    without_ack = PREFACE + frame(SETTINGS, 0, 0)
    for said in (b"", PREFACE[:10], PREFACE, without_ack):
        async with served() as one, client(one, said) as slow:
            last = (await slow.end())[-1]
            assert (last.kind, last.code) == (GOAWAY, 4)
            await until(lambda one=one: one.idle)  # type: ignore[misc]
            assert risen(one.counters.broken_connections) == {"SETTINGS_TIMEOUT": 1}


async def test_a_quiet_client_is_pinged_and_one_that_is_gone_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_protocol, "QUIET", 0.05)
    monkeypatch.setattr(_protocol, "HANDSHAKE_WITHIN", 0.01)
    async with served() as one, client(one) as quiet:
        for _ in range(3):
            asked = await quiet.expect(PING)
            quiet.send(ping(asked.payload, ACK))
        assert one.counters.connections_active == 1
        await quiet.expect(PING)
        with pytest.raises((AssertionError, ConnectionError)):
            await quiet.expect(PING)
        await until(lambda: one.idle)


async def test_a_client_that_does_not_read_is_not_read_from() -> None:
    wide = settings((4, 2**31 - 1)) + peer.window(0, 2**31 - 70_000)
    baggage = b"a=" + b"x" * 8_000
    long = peer.message(message([("agent", b"pc"), ("baggage", baggage)]))
    async with served() as one:
        reader, writer = await asyncio.open_unix_connection(one.address.path, limit=1)
        writer.write(GREETING + wide)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sent = 0
        # Once the kernel's buffers are full, the server's own must not grow: it stops to read.
        with suppress(TimeoutError):
            for stream in range(1, 20_001, 2):
                writer.write(headers(stream, PROCESS) + data(stream, long) + reset(stream))
                sent += 1
                async with asyncio.timeout(0.5):
                    await writer.drain()
        (rim,) = one.transport._rims
        assert rim._transport is not None
        assert rim._transport.get_write_buffer_size() < 4 << 20
        answered = sum(one.counters.messages.values())
        assert 0 < answered < sent < 10_000
        writer.transport.abort()
        del reader


async def test_a_client_that_reads_again_gets_every_answer() -> None:
    wide = settings((4, 2**31 - 1)) + peer.window(0, 2**31 - 70_000)
    baggage = b"a=" + b"x" * 8_000
    long = peer.message(message([("agent", b"pc"), ("baggage", baggage)]))
    streams = range(1, 1001, 2)
    async with served() as one, client(one, GREETING + wide) as late:
        for stream in streams:
            late.send(headers(stream, PROCESS), data(stream, long))
        answered = [(await late.expect(DATA)).stream for _ in streams]
        assert answered == list(streams)


async def test_a_flood_ends_its_connection_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served() as one, client(one) as other:
        for _ in range(3):
            async with client(one) as rude:
                rude.send(*(settings() for _ in range(200)))
                last = (await rude.end())[-1]
                assert (last.kind, last.code) == (GOAWAY, 11)
        await until(lambda: one.counters.connections_active == 1)
        assert risen(one.counters.floods) == {"settings": 3}
        other.send(headers(1, PROCESS), data(1, ASKED))
        await other.expect(DATA)
    (warning,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "CF607" in warning.getMessage()


async def test_a_broken_connection_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as one, client(one, b"GET / HTTP/1.1\r\n\r\n") as web:
        assert [sent.kind for sent in await web.end()][-1] == GOAWAY
        await until(lambda: one.idle)
        assert risen(one.counters.broken_connections) == {"PROTOCOL_ERROR": 1}
    assert "CF606: a peer broke HTTP/2, PROTOCOL_ERROR" in caplog.text


async def test_a_fault_of_ours_ends_its_connection_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as one, client(one) as unlucky, client(one) as other:
        for each in (unlucky, other):
            each.send(ping())
            await each.expect(PING)
        rim = next(iter(one.transport._rims))
        monkeypatch.setattr(rim.calls, "receive", lambda _: 1 / 0)
        for each in (unlucky, other):
            each.send(headers(1, PROCESS), data(1, ASKED))
        await until(lambda: one.counters.connections_active == 1)
        await until(lambda: one.counters.streams_active == 1)
    assert "could not be served" in caplog.text


# Drain.


async def test_a_drain_lets_streams_end_and_takes_no_new_ones() -> None:
    async with served() as one, client(one) as envoy:
        envoy.send(headers(1, PROCESS), data(1, ASKED))
        await envoy.expect(DATA)
        stopping = asyncio.create_task(one.transport.stop(DEADLINE))
        assert (await envoy.expect(GOAWAY)).payload[:4] == b"\x7f\xff\xff\xff"
        asked = await envoy.expect(PING)
        envoy.send(ping(asked.payload, ACK))
        assert (await envoy.expect(GOAWAY)).payload[:4] == b"\0\0\0\x01"
        envoy.send(headers(3, PROCESS), data(3, ASKED), data(1, ASKED))
        assert (await envoy.expect(DATA)).stream == 1
        with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
            await asyncio.open_unix_connection(one.address.path)
        assert not stopping.done()
        envoy.send(data(1, b"", END_STREAM))
        assert [(sent.kind, sent.stream) for sent in await envoy.end()] == [(HEADERS, 1)]
        await stopping


async def test_a_client_that_does_not_answer_is_drained_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_protocol, "REFUSE_AFTER", 0.05)
    async with served() as one, client(one) as silent:
        silent.send(ping())
        await silent.expect(PING)
        await one.transport.stop(DEADLINE)
        assert [sent.kind for sent in await silent.end()] == [GOAWAY, PING, GOAWAY]


async def test_what_does_not_end_is_ended_when_the_grace_is_over() -> None:
    async with served() as one, client(one) as stubborn:
        stubborn.send(headers(1, PROCESS), data(1, ASKED))
        await stubborn.expect(DATA)
        await one.transport.stop(0.05)
        assert GOAWAY in [sent.kind for sent in await stubborn.end()]
        assert one.idle


async def test_watchers_are_told_and_let_go() -> None:
    path = (b":path", b"/grpc.health.v1.Health/Watch")
    watch = block([*REQUEST[:2], path, *REQUEST[3:]])
    async with served() as one, client(one) as prober:
        prober.send(headers(1, watch), data(1, peer.message(b""), END_STREAM))
        assert (await prober.expect(DATA)).payload == peer.message(b"\x08\x01")
        one.health.serving = False
        assert (await prober.expect(DATA)).payload == peer.message(b"\x08\x02")
        one.health.serving = True
        one.health.close()
        assert (await prober.expect(DATA)).payload == peer.message(b"\x08\x01")
        assert (await prober.expect(DATA)).payload == peer.message(b"\x08\x02")
        assert (await prober.expect(HEADERS)).flags & END_STREAM
        assert one.health._listeners == {}


async def test_a_watcher_that_goes_is_forgotten() -> None:
    path = (b":path", b"/grpc.health.v1.Health/Watch")
    watch = block([*REQUEST[:2], path, *REQUEST[3:]])
    async with served() as one:
        async with client(one) as prober:
            prober.send(headers(1, watch), data(1, peer.message(b"")))
            prober.send(headers(3, watch), data(3, peer.message(b"")))
            for _ in range(2):
                await prober.expect(DATA)
            prober.send(reset(1))
            await until(lambda: len(one.health._listeners) == 1)
        await until(lambda: not one.health._listeners)


async def test_it_listens_on_ports_too(tmp_path: Path) -> None:
    one = Served()
    one.address = await one.transport.start(Address(host="127.0.0.1"))
    reader, writer = await asyncio.open_connection("127.0.0.1", one.address.port)
    each = Client(reader, writer)
    each.send(GREETING, headers(1, PROCESS), data(1, ASKED))
    assert b"canary" in (await each.expect(DATA)).payload
    writer.transport.abort()
    await one.transport.stop(None)
    assert one.idle
