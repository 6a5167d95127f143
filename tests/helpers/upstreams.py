"""Upstreams that know nothing about lanes: an HTTP/1.1 application and a gRPC server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import grpc
from aiohttp import web

from helpers.envoys import DEADLINE

MIB: Final = 1 << 20
PIECE: Final = bytes(range(256)) * 256


def large(mebibytes: int = 10) -> Iterator[bytes]:
    """A body in pieces, none of them like another."""
    for number in range(mebibytes * MIB // len(PIECE)):
        yield number.to_bytes(8, "big") + PIECE[8:]


def digest(pieces: Iterator[bytes]) -> str:
    """SHA-256 of a body."""
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.hexdigest()


class App:
    """An application called *name*; every answer tells who answers and what lane was seen."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.more = asyncio.Event()
        """Lets ``/drip`` go on to its second piece."""

    @asynccontextmanager
    async def serving(self, path: Path) -> AsyncIterator[None]:
        """Listen on the Unix socket *path* until the block ends."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/down", self._down),
                web.get("/drip", self._drip),
                web.get("/socket", self._socket),
                web.route("*", "/", self._echo),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(path)).start()
            yield
        finally:
            await runner.cleanup()

    def _told(self, request: web.Request) -> dict[str, str]:
        names = ("x-lane", "baggage", "expect")
        seen = {f"seen-{name}": ",".join(request.headers.getall(name, ())) for name in names}
        return {"upstream": self._name, **seen}

    async def _echo(self, request: web.Request) -> web.Response:
        """The digest of what was sent."""
        hashed = hashlib.sha256()
        async for piece in request.content.iter_any():
            hashed.update(piece)
        return web.Response(text=hashed.hexdigest(), headers=self._told(request))

    async def _down(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._told(request))
        await response.prepare(request)
        for piece in large():
            await response.write(piece)
        return response

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._told(request))
        await response.prepare(request)
        await response.write(b"first")
        async with asyncio.timeout(DEADLINE):
            await self.more.wait()
        await response.write(b"second")
        return response

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=1)
        await socket.prepare(request)
        await socket.send_json(self._told(request))
        async for message in socket:
            await socket.send_str(message.data)
        return socket


SERVICE: Final = "test.Echo"


@contextmanager
def grpc_upstream(path: Path, name: str) -> Iterator[None]:
    """A gRPC server on *path*; each answer is *name*, the lane header, baggage, the message."""

    def told(context: grpc.ServicerContext, message: bytes) -> bytes:
        sent = dict(context.invocation_metadata())
        lane, baggage = sent.get("x-lane", ""), sent.get("baggage", "")
        return b"|".join((name.encode(), str(lane).encode(), str(baggage).encode(), message))

    def unary(message: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("told", name),))
        if message == b"fail":
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "as asked")
        return told(context, message)

    def stream(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for message in messages:
            yield told(context, message)

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.stream_stream_rpc_method_handler(stream),
    }
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    try:
        yield
    finally:
        server.stop(grace=None).wait(DEADLINE)
