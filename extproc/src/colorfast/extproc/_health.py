"""The gRPC health checking protocol, ``grpc.health.v1``: Check and Watch.

Kubernetes' ``grpc:`` probes call Check, Envoy's health checks call Check, gRPC clients call Watch.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from colorfast.extproc.wire import HealthCheckRequest, HealthCheckResponse

EXTERNAL_PROCESSOR: Final = "envoy.service.ext_proc.v3.ExternalProcessor"
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

SERVICES: Final = frozenset({"", EXTERNAL_PROCESSOR})
"""What can be asked for; the empty name is the server as a whole."""

_SERVING = HealthCheckResponse(status=HealthCheckResponse.SERVING).SerializeToString()
_NOT_SERVING = HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING).SerializeToString()
_UNKNOWN = HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN).SerializeToString()


class Health:
    """Whether this server wants requests, told to whoever asks or watches."""

    def __init__(self) -> None:
        self._serving = False
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def serving(self) -> bool:
        """Whether requests are wanted. False while it starts and while it drains."""
        return self._serving

    @serving.setter
    def serving(self, serving: bool) -> None:
        self._serving = serving
        self._tell()

    def close(self) -> None:
        """Not serving for good: every watcher is told, and its stream ends."""
        self._closed = True
        self.serving = False

    def handler(self) -> grpc.GenericRpcHandler:
        """What a gRPC server calls for ``grpc.health.v1.Health``; messages are raw bytes."""
        return grpc.method_handlers_generic_handler(
            "grpc.health.v1.Health",
            {
                "Check": grpc.unary_unary_rpc_method_handler(self._check),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
            },
        )

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _check(self, message: bytes, context: Context) -> bytes:
        if await _service(message, context) not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return self._status()

    async def _watch(self, message: bytes, context: Context) -> AsyncIterator[bytes]:
        known = await _service(message, context) in SERVICES
        last = b""
        while True:
            # Taken before the status is read, so that no change falls in between.
            changed = self._changed
            status = self._status() if known else _UNKNOWN
            if status != last:
                yield status
                last = status
                continue
            if self._closed:
                return
            await changed.wait()

    def _status(self) -> bytes:
        return _SERVING if self._serving else _NOT_SERVING


async def _service(message: bytes, context: Context) -> str:
    try:
        return HealthCheckRequest.FromString(message).service
    except DecodeError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a HealthCheckRequest")
