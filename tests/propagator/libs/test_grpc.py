"""Colorfast's interceptors on real gRPC, every kind of call, threads and asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from colorfast.propagator import lane
from colorfast.propagator.grpc import LaneClientInterceptor, LaneServerInterceptor
from colorfast.propagator.grpc_aio import LaneServerInterceptor as AsyncServerInterceptor
from colorfast.propagator.grpc_aio import client_interceptors

WITHIN = 20.0
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
METADATA = (("x-lane", "canary"), ("baggage", "a=1,lane=canary"), ("k-bin", b"\xff"))


def seen() -> bytes:
    return str(lane.current()).encode()


# Handlers of threads.


def one(request: Any, context: grpc.ServicerContext) -> bytes:
    return seen()


def many(request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
    for _ in range(3):
        yield seen()


def sent_on(request: Any, context: grpc.ServicerContext) -> bytes:
    return str(lane.headers()).encode()


# Handlers of asyncio.


async def async_one(request: Any, context: Any) -> bytes:
    return seen()


async def async_many(request: Any, context: Any) -> AsyncIterator[bytes]:
    for _ in range(3):
        yield seen()


async def async_writes(request: Any, context: Any) -> None:
    for _ in range(3):
        await context.write(seen())


async def reads(request: Any, context: Any) -> bytes:
    async for _ in request:
        pass
    return seen()


def consumes(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    for _ in requests:
        pass
    return seen()


Handlers = dict[str, Callable[..., Any]]
THREADED: Handlers = {
    "unary_unary": one,
    "unary_stream": many,
    "stream_unary": consumes,
    "stream_stream": many,
}
ASYNCHRONOUS: Handlers = {
    "unary_unary": async_one,
    "unary_stream": async_many,
    "stream_unary": reads,
    "stream_stream": async_many,
}
WRITING: Handlers = ASYNCHRONOUS | {"unary_stream": async_writes, "stream_stream": async_writes}


def generic(handlers: Handlers) -> tuple[grpc.GenericRpcHandler]:
    made = {
        name: getattr(grpc, f"{name}_rpc_method_handler")(handler)
        for name, handler in handlers.items()
        if name in KINDS
    } | {
        name: grpc.unary_unary_rpc_method_handler(handler)
        for name, handler in handlers.items()
        if name not in KINDS
    }
    return (grpc.method_handlers_generic_handler("test.Lane", made),)


@contextmanager
def server(handlers: Handlers, *interceptors: Any) -> Iterator[str]:
    running = grpc.server(ThreadPoolExecutor(4), interceptors=[*interceptors])
    running.add_generic_rpc_handlers(generic(handlers))
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        running.stop(grace=None).wait(WITHIN)


@asynccontextmanager
async def async_server(handlers: Handlers, *interceptors: Any) -> AsyncIterator[str]:
    running = grpc.aio.server(interceptors=[*interceptors])
    running.add_generic_rpc_handlers(generic(handlers))
    port = running.add_insecure_port("127.0.0.1:0")
    await running.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await running.stop(grace=None)


def call(channel: grpc.Channel, kind: str, **options: Any) -> list[bytes]:
    requests, responses = kind.split("_")
    rpc: Any = getattr(channel, kind)(f"/test.Lane/{kind}")
    answer = rpc(iter([b"", b""]) if requests == "stream" else b"", timeout=WITHIN, **options)
    return [*answer] if responses == "stream" else [answer]


async def async_call(channel: grpc.aio.Channel, kind: str, **options: Any) -> list[bytes]:
    requests, responses = kind.split("_")

    async def pieces() -> AsyncIterator[bytes]:
        yield b""
        yield b""

    rpc: Any = getattr(channel, kind)(f"/test.Lane/{kind}")
    answer = rpc(pieces() if requests == "stream" else b"", timeout=WITHIN, **options)
    if responses == "stream":
        return [piece async for piece in answer]
    return [await answer]


def expected(kind: str, name: str) -> list[bytes]:
    return [name.encode()] * (3 if kind.endswith("stream") else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_in_a_thread_runs_in_the_lane_of_the_call(kind: str) -> None:
    with server(THREADED, LaneServerInterceptor()) as place, grpc.insecure_channel(place) as plain:
        assert call(plain, kind, metadata=METADATA) == expected(kind, "canary")
        # The same threads.
        assert call(plain, kind) == expected(kind, "None")


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_sends_the_lane_with_each_call(kind: str) -> None:
    with server(THREADED, LaneServerInterceptor()) as place, grpc.insecure_channel(place) as plain:
        channel = grpc.intercept_channel(plain, LaneClientInterceptor())
        with lane.use("blue"):
            assert call(channel, kind) == expected(kind, "blue")
            assert call(channel, kind, metadata=[("k", "v")]) == expected(kind, "blue")
            assert call(channel, kind, metadata=METADATA) == expected(kind, "blue")
        assert call(channel, kind) == expected(kind, "None")
        # What the application says itself it says.
        assert call(channel, kind, metadata=METADATA) == expected(kind, "canary")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("handlers", [ASYNCHRONOUS, WRITING], ids=["yields", "writes"])
async def test_a_coroutine_runs_in_the_lane_of_the_call(handlers: Handlers, kind: str) -> None:
    async with (
        async_server(handlers, AsyncServerInterceptor()) as place,
        grpc.aio.insecure_channel(place) as plain,
    ):
        assert await async_call(plain, kind, metadata=METADATA) == expected(kind, "canary")
        assert await async_call(plain, kind) == expected(kind, "None")


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream"])
async def test_a_plain_function_of_an_asyncio_server_runs_in_the_lane_too(kind: str) -> None:
    async with (
        async_server({k: THREADED[k] for k in (kind,)}, AsyncServerInterceptor()) as place,
        grpc.aio.insecure_channel(place) as plain,
    ):
        assert await async_call(plain, kind, metadata=METADATA) == expected(kind, "canary")
        assert await async_call(plain, kind) == expected(kind, "None")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_asyncio_client_sends_the_lane_with_each_call(kind: str) -> None:
    async with (
        async_server(ASYNCHRONOUS, AsyncServerInterceptor()) as place,
        grpc.aio.insecure_channel(place, interceptors=client_interceptors()) as channel,
    ):
        with lane.use("blue"):
            assert await async_call(channel, kind) == expected(kind, "blue")
            assert await async_call(channel, kind, metadata=METADATA) == expected(kind, "blue")
        assert await async_call(channel, kind) == expected(kind, "None")


def test_the_others_members_are_sent_on() -> None:
    handlers = {"Show": sent_on}
    with server(handlers, LaneServerInterceptor()) as place, grpc.insecure_channel(place) as plain:
        rpc: Any = plain.unary_unary("/test.Lane/Show")
        got = rpc(b"", metadata=METADATA, timeout=WITHIN)
    assert got == str({"x-lane": "canary", "baggage": "lane=canary,a=1"}).encode()


def test_an_unknown_method_is_still_unknown() -> None:
    with server({}, LaneServerInterceptor()) as place, grpc.insecure_channel(place) as plain:
        rpc: Any = plain.unary_unary("/test.Lane/None")
        with pytest.raises(grpc.RpcError) as raised:
            rpc(b"", timeout=WITHIN)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_handler_that_fails_fails_as_it_did() -> None:
    def abort(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.NOT_FOUND, f"in {lane.current()}")
        raise AssertionError

    with (
        server({"Abort": abort}, LaneServerInterceptor()) as place,
        grpc.insecure_channel(place) as plain,
    ):
        rpc: Any = plain.unary_unary("/test.Lane/Abort")
        with pytest.raises(grpc.RpcError, match="in canary"):
            rpc(b"", metadata=METADATA, timeout=WITHIN)


async def test_a_stream_that_its_client_leaves_is_closed() -> None:
    closed: asyncio.Queue[str | None] = asyncio.Queue()

    async def endless(request: bytes, context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield seen()
        finally:
            closed.put_nowait(lane.current())

    async with (
        async_server({"unary_stream": endless}, AsyncServerInterceptor()) as place,
        grpc.aio.insecure_channel(place) as plain,
    ):
        rpc: Any = plain.unary_stream("/test.Lane/unary_stream")
        stream = rpc(b"", metadata=METADATA, timeout=WITHIN)
        assert await stream.read() == b"canary"
        stream.cancel()
        # The server hears of it when it hears of it.
        assert await asyncio.wait_for(closed.get(), WITHIN) == "canary"
