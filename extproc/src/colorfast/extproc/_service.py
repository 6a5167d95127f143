"""The transport ``grpcio``: ExternalProcessor and Health on grpc.aio, messages as raw bytes.

Envoy opens a stream for each request, sends one message, and resets the stream as soon as it has
the answer (it wants nothing else with ``response_header_mode: SKIP``). For gRPC that is a call
cancelled by its client; here it is the normal end, so nothing is raised and nothing is logged.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

import grpc

from colorfast.extproc._address import Address, cannot_bind
from colorfast.extproc._errors import PeerError
from colorfast.extproc._grpcio_tls import admit, credentials
from colorfast.extproc._guard import Guard
from colorfast.extproc._health import EXTERNAL_PROCESSOR, SERVICES, Health, service_of
from colorfast.extproc._listening import Door
from colorfast.extproc._processor import Processor
from colorfast.extproc._reports import Reports
from colorfast.extproc._stream import StreamOptions
from colorfast.extproc._transport import MAX_MESSAGE

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    # Envoy may ping as often as its connection_keepalive says; gRPC's own limit is five minutes.
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.keepalive_permit_without_calls", 1),
    # grpc.max_concurrent_streams stays unset: Envoy loads a new connection with streams before it
    # has read the limit, and those above it would fail.
)
"""Channel arguments of the gRPC server."""

_TURNS = 10
"""Turns of the loop that gRPC's tasks around a handler get; they take three."""

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

_STATUS = {status.value[0]: status for status in grpc.StatusCode}


class GrpcioTransport:
    """A processor, and a health if there is one, on grpc.aio."""

    def __init__(
        self,
        processor: Processor,
        health: Health | None = None,
        *,
        door: Door | None = None,
    ) -> None:
        self._door = door = door or Door()
        # Two servers on one port would share its connections: the second one is to fail instead.
        options = (*OPTIONS, ("grpc.so_reuseport", int(door.reuse_port)))
        self._server = grpc.aio.server(options=options)
        self._external = ExternalProcessor(processor, guard=door.guard)
        self._server.add_generic_rpc_handlers((self._external.handler(),))
        if health is not None:
            self._server.add_generic_rpc_handlers((health_handler(health, door.guard),))

    async def start(self, address: Address) -> Address:
        """See ``Transport``."""
        try:
            port = self._add_port(str(address))
            address.permit(self._door.socket_mode)
        except (RuntimeError, OSError):
            raise cannot_bind(str(address), "gRPC refused it", "choose another") from None
        await self._server.start()
        return address.at(port)

    async def stop(self, grace: float | None) -> None:
        """See ``Transport``."""
        await self._server.stop(grace)
        await self._external.settled()

    def _add_port(self, address: str) -> int:
        if self._door.guard is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, credentials(self._door.guard))


class ExternalProcessor:
    """The gRPC side of a processor."""

    def __init__(
        self,
        processor: Processor,
        reports: Reports | None = None,
        *,
        guard: Guard | None = None,
    ) -> None:
        self._processor = processor
        self._guard = guard
        self._reports = reports or Reports()
        self._active = 0
        processor.counters.open_streams = lambda: self._active
        self._calls: set[asyncio.Task[Any]] = set()

    def handler(self) -> grpc.GenericRpcHandler:
        """What a gRPC server calls for ``ExternalProcessor``; other methods are UNIMPLEMENTED."""
        return grpc.method_handlers_generic_handler(
            EXTERNAL_PROCESSOR,
            {"Process": grpc.stream_stream_rpc_method_handler(self._process)},
        )

    async def settled(self) -> None:
        """After the server has stopped: wait, at most a second, until nothing of it runs.

        gRPC returns from ``stop`` while the tasks of its last calls still end. A loop that is
        closed then cancels them, and gRPC logs an error for each.
        """
        if self._calls:
            await asyncio.wait(self._calls, timeout=1.0)
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def _process(self, _: object, context: Context) -> None:
        self._active += 1
        self._note_call()
        try:
            await admit(self._guard, context)
            await self._answer_all(context)
        except PeerError as error:
            self._reports.report(error)
            await context.abort(_STATUS[error.grpc_status], error.what)
        finally:
            self._active -= 1

    async def _answer_all(self, context: Context) -> None:
        stream = StreamOptions.from_metadata(context.invocation_metadata() or ())
        process = self._processor.process
        while isinstance(message := await context.read(), bytes):  # else it is grpc.aio.EOF
            await context.write(process(message, stream))

    def _note_call(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)


def health_handler(health: Health, guard: Guard | None = None) -> grpc.GenericRpcHandler:
    """What a gRPC server calls for ``grpc.health.v1.Health``; messages are raw bytes."""

    async def check(message: bytes, context: Context) -> bytes:
        await admit(guard, context)
        service = await _service(message, context)
        if service not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return health.status(service)

    async def watch(message: bytes, context: Context) -> AsyncIterator[bytes]:
        await admit(guard, context)
        service = await _service(message, context)
        changed = asyncio.Event()
        unlisten = health.listen(changed.set)
        last = b""
        try:
            while True:
                changed.clear()
                status = health.status(service)
                if status != last:
                    yield status
                    last = status
                elif health.closed:
                    return
                else:
                    await changed.wait()
        finally:
            unlisten()

    return grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health",
        {
            "Check": grpc.unary_unary_rpc_method_handler(check),
            "Watch": grpc.unary_stream_rpc_method_handler(watch),
        },
    )


async def _service(message: bytes, context: Context) -> str:
    service = service_of(message)
    if service is None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a HealthCheckRequest")
    return service
