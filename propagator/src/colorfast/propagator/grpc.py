"""The lane for gRPC without OpenTelemetry's instrumentation: grpcio with threads.

``colorfast.propagator.grpc_aio`` is for ``grpc.aio``.

>>> import grpc
>>> from colorfast.propagator.grpc import LaneClientInterceptor
>>> channel = grpc.intercept_channel(grpc.insecure_channel("127.0.0.1:9"), LaneClientInterceptor())
>>> channel.close()
"""

from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any, NamedTuple, TypeAlias

import grpc
from opentelemetry.context import attach

from colorfast.propagator._grpc import Change, rebuilt, with_lane
from colorfast.propagator.lane import extract, from_headers

Behaviour: TypeAlias = Callable[[Any, grpc.ServicerContext], Any]


class LaneServerInterceptor(grpc.ServerInterceptor):
    """Runs each call's handler in the lane of the call's metadata."""

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the handler that *continuation* finds."""
        handler = continuation(handler_call_details)
        metadata = handler_call_details.invocation_metadata or ()
        if handler is None:
            return None
        wrap = _streaming if handler.response_streaming else _unary
        return rebuilt(handler, lambda behaviour: wrap(behaviour, metadata))


def _unary(behaviour: Behaviour, metadata: Any) -> Behaviour:
    def handle(request: Any, context: grpc.ServicerContext) -> Any:
        with from_headers(metadata):
            return behaviour(request, context)

    return handle


def _streaming(behaviour: Behaviour, metadata: Any) -> Behaviour:
    def handle(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        # Responses are asked for by one thread after another; their code runs in one context.
        inside = copy_context()
        inside.run(lambda: attach(extract(metadata)))
        responses = iter(inside.run(behaviour, request, context))
        end = object()
        while (response := inside.run(next, responses, end)) is not end:
            yield response

    return handle


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _CallDetails(_Details, grpc.ClientCallDetails):
    """What gRPC reads again from an interceptor."""


class ChangingInterceptor(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Calls on with what *change* makes of each call's metadata."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(changed(details, self._change(details.metadata)), request)

    intercept_unary_unary: Any = _intercept
    intercept_unary_stream: Any = _intercept
    intercept_stream_unary: Any = _intercept
    intercept_stream_stream: Any = _intercept


class LaneClientInterceptor(ChangingInterceptor):
    """Sends the current lane with each call: ``grpc.intercept_channel(channel, this)``."""

    def __init__(self) -> None:
        super().__init__(with_lane)


def changed(details: Any, metadata: Any) -> grpc.ClientCallDetails:
    """*details* with other *metadata*."""
    return _CallDetails(
        details.method,
        details.timeout,
        metadata,
        details.credentials,
        getattr(details, "wait_for_ready", None),
        getattr(details, "compression", None),
    )
