"""gRPC clients that share no code with the server, each behind the same few verbs."""

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol, TypeAlias

import grpc
from grpclib.client import Channel
from grpclib.client import Stream as LibStream
from grpclib.const import Cardinality
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, StreamTerminatedError
from h2.exceptions import StreamClosedError

Metadata: TypeAlias = Sequence[tuple[str, str]]

CANCELLED: Final = 1
DEADLINE_EXCEEDED: Final = 4


class Stream(Protocol):
    """A stream that both sides may send on; messages are bytes."""

    async def send(self, message: bytes) -> None: ...

    async def half_close(self) -> None: ...

    async def receive(self) -> bytes | None:
        """The next message; None at the end."""
        ...

    async def cancel(self) -> None: ...

    async def status(self) -> int:
        """The status code, once there is nothing more to receive."""
        ...


class Client(Protocol):
    """Connected to one address."""

    async def open(self, method: str, *, metadata: Metadata = (), within: float) -> Stream: ...


_OVER: Final = (grpc.aio.AioRpcError, asyncio.InvalidStateError)
"""Raised where the server has ended a call; what is received says why."""


class AioStream:
    """Of grpc.aio."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def send(self, message: bytes) -> None:
        with suppress(*_OVER):
            await self._call.write(message)

    async def half_close(self) -> None:
        with suppress(*_OVER):
            await self._call.done_writing()

    async def receive(self) -> bytes | None:
        try:
            message = await self._call.read()
        except grpc.aio.AioRpcError:
            return None
        return message if isinstance(message, bytes) else None

    async def cancel(self) -> None:
        self._call.cancel()

    async def status(self) -> int:
        return int((await self._call.code()).value[0])


class Aio:
    """grpc.aio."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def open(self, method: str, *, metadata: Metadata = (), within: float) -> AioStream:
        start: Any = self._channel.stream_stream(method)
        return AioStream(start(metadata=tuple(metadata), timeout=within))


class SyncStream:
    """Of grpc's threads; its queue is what the client sends."""

    def __init__(self, call: Any, sent: "queue.SimpleQueue[bytes | None]") -> None:
        self._call = call
        self._sent = sent

    async def send(self, message: bytes) -> None:
        self._sent.put(message)

    async def half_close(self) -> None:
        self._sent.put(None)

    async def receive(self) -> bytes | None:
        return await asyncio.to_thread(self._next)

    async def cancel(self) -> None:
        self._call.cancel()
        self._sent.put(None)

    async def status(self) -> int:
        code = await asyncio.to_thread(self._call.code)
        self._sent.put(None)
        return int(code.value[0])

    def _next(self) -> bytes | None:
        try:
            message: bytes | None = next(self._call, None)
        except grpc.RpcError:
            return None
        return message


class Sync:
    """grpc with threads."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    async def open(self, method: str, *, metadata: Metadata = (), within: float) -> SyncStream:
        sent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        messages: Iterator[bytes | None] = iter(sent.get, None)
        start: Any = self._channel.stream_stream(method)
        return SyncStream(start(messages, metadata=tuple(metadata), timeout=within), sent)


class _Raw(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


class PureStream:
    """Of grpclib."""

    def __init__(self, stream: "LibStream[bytes, bytes]") -> None:
        self._stream = stream
        self._status: int | None = None

    async def send(self, message: bytes) -> None:
        with suppress(StreamTerminatedError, StreamClosedError):  # what is received says why
            await self._stream.send_message(message)

    async def half_close(self) -> None:
        with suppress(StreamTerminatedError, StreamClosedError):
            if not self._stream._send_request_done:
                await self._stream.send_request(end=True)
            else:
                await self._stream.end()

    async def receive(self) -> bytes | None:
        try:
            message = await self._stream.recv_message()
            if message is None:
                await self._finish()
        except (GRPCError, TimeoutError, StreamTerminatedError) as error:
            self._fail(error)
            return None
        return message

    async def cancel(self) -> None:
        if self._status is None:
            await self._stream.cancel()
            self._status = CANCELLED
        elif self._status == DEADLINE_EXCEEDED:
            # It gives up waiting, and tells nobody until its block is left.
            with suppress(StreamClosedError):
                await self._stream._stream.reset()

    async def status(self) -> int:
        assert self._status is not None
        return self._status

    async def _finish(self) -> None:
        await self._stream.recv_trailing_metadata()
        self._status = 0

    def _fail(self, error: Exception) -> None:
        if isinstance(error, GRPCError):
            self._status = error.status.value
        else:
            self._status = DEADLINE_EXCEEDED if isinstance(error, TimeoutError) else CANCELLED


class Pure:
    """grpclib, which is python-hyper's h2 and pure Python."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def open(self, method: str, *, metadata: Metadata = (), within: float) -> PureStream:
        stream = self._channel.request(
            method,
            Cardinality.STREAM_STREAM,
            bytes,
            bytes,
            timeout=within,
            metadata=list(metadata),
        )
        # Left by the end of the connection: an exit would raise what a test wants to look at.
        await stream.__aenter__()
        return PureStream(stream)


@asynccontextmanager
async def aio(path: str) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        yield Aio(channel)


@asynccontextmanager
async def sync(path: str) -> AsyncIterator[Client]:
    channel = grpc.insecure_channel(f"unix:{path}")
    try:
        yield Sync(channel)
    finally:
        await asyncio.to_thread(channel.close)


@asynccontextmanager
async def pure(path: str) -> AsyncIterator[Client]:
    channel = Channel(path=path, codec=_Raw())
    try:
        yield Pure(channel)
    finally:
        channel.close()


Connect: TypeAlias = "Callable[[str], Any]"

CLIENTS: Final[dict[str, Connect]] = {"grpcio-aio": aio, "grpcio-sync": sync, "grpclib": pure}
"""By name; called with the path of the server's Unix socket."""
