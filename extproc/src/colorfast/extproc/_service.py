"""ExternalProcessor/Process on grpc.aio, messages as raw bytes.

Envoy opens a stream for each request, sends one message, and resets the stream as soon as it has
the answer (it wants nothing else with ``response_header_mode: SKIP``). For gRPC that is a call
cancelled by its client; here it is the normal end, so nothing is raised and nothing is logged.
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, TypeAlias

import grpc

from colorfast.extproc._errors import PeerError
from colorfast.extproc._health import EXTERNAL_PROCESSOR
from colorfast.extproc._processor import Processor
from colorfast.extproc._stream import StreamOptions

MAX_MESSAGE: Final = 1 << 20
"""Bytes of the largest message that is read. Envoy limits request headers to 60 KiB by default."""

OPTIONS: Final = (
    # Two servers on one port would share its connections: the second one is to fail instead.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    # Envoy may ping as often as its connection_keepalive says; gRPC's own limit is five minutes.
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.keepalive_permit_without_calls", 1),
    # grpc.max_concurrent_streams stays unset: Envoy loads a new connection with streams before it
    # has read the limit, and those above it would fail.
)
"""Channel arguments of the gRPC server."""

REPORT_EVERY: Final = 60.0
"""Seconds between two log lines about peers that make no sense."""

_TURNS = 10
"""Turns of the loop that gRPC's tasks around a handler get; they take three."""

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

_LOG = logging.getLogger("colorfast.extproc")
_STATUS = {status.value[0]: status for status in grpc.StatusCode}


class ExternalProcessor:
    """The gRPC side of a processor."""

    def __init__(self, processor: Processor, now: Callable[[], float] = monotonic) -> None:
        self._processor = processor
        self._now = now
        self._calls: set[asyncio.Task[Any]] = set()
        self._quiet_until = float("-inf")
        self._unreported = 0

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
        counters = self._processor.counters
        counters.streams_active += 1
        self._note_call()
        try:
            await self._answer_all(context)
        except PeerError as error:
            self._report(error)
            await context.abort(_STATUS[error.grpc_status], error.what)
        finally:
            counters.streams_active -= 1

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

    def _report(self, error: PeerError) -> None:
        now = self._now()
        if now < self._quiet_until:
            self._unreported += 1
            return
        more = f"; {self._unreported} more since the last such line" if self._unreported else ""
        _LOG.warning("%s: %s; %s%s", error.code, error.what, error.fix, more)
        self._quiet_until, self._unreported = now + REPORT_EVERY, 0
