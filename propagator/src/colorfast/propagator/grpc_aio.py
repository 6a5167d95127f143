"""The lane for gRPC without OpenTelemetry's instrumentation: ``grpc.aio``.

>>> import grpc
>>> from colorfast.propagator.grpc_aio import LaneServerInterceptor, client_interceptors
>>> channel = grpc.aio.insecure_channel(
...     "127.0.0.1:9", interceptors=client_interceptors()
... )  # doctest: +SKIP
"""

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio
from grpc.aio import ClientInterceptor

from colorfast.propagator import grpc as threaded
from colorfast.propagator._grpc import Change, rebuilt, with_lane
from colorfast.propagator.lane import attached, extract, from_headers


class LaneServerInterceptor(grpc.aio.ServerInterceptor):
    """Runs each call's handler in the lane of the call's metadata, whatever kind of function."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the handler that *continuation* finds."""
        handler = await continuation(handler_call_details)
        metadata = handler_call_details.invocation_metadata or ()
        if handler is None:
            return None
        return rebuilt(handler, lambda behaviour: _wrapped(handler, behaviour, metadata))


def _wrapped(handler: Any, behaviour: Any, metadata: Any) -> Any:
    if inspect.isasyncgenfunction(behaviour):
        return _generator(behaviour, metadata)
    if inspect.iscoroutinefunction(behaviour):
        return _coroutine(behaviour, metadata)
    # gRPC runs a plain function in a thread, and must see that it is one.
    wrap = threaded._streaming if handler.response_streaming else threaded._unary  # noqa: SLF001
    return wrap(behaviour, metadata)


def _coroutine(behaviour: Callable[..., Any], metadata: Any) -> Callable[..., Any]:
    async def handle(request: Any, context: Any) -> Any:
        with from_headers(metadata):
            return await behaviour(request, context)

    return handle


def _generator(behaviour: Callable[..., Any], metadata: Any) -> Callable[..., Any]:
    async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
        # Attached step by step: an async generator shares the context of whoever asks it.
        inside = extract(metadata)
        responses = behaviour(request, context)
        end = object()
        try:
            while True:
                with attached(inside):
                    response = await anext(responses, end)
                if response is end:
                    return
                yield response
        finally:
            with attached(inside):
                await responses.aclose()

    return handle


class _Changes:
    def __init__(self, change: Change) -> None:
        self._change = change

    async def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = grpc.aio.Metadata(*self._change(details.metadata))
        return await continuation(details._replace(metadata=metadata), request)


class _UnaryUnary(_Changes, grpc.aio.UnaryUnaryClientInterceptor):
    intercept_unary_unary: Any = _Changes._intercept  # noqa: SLF001


class _UnaryStream(_Changes, grpc.aio.UnaryStreamClientInterceptor):
    intercept_unary_stream: Any = _Changes._intercept  # noqa: SLF001


class _StreamUnary(_Changes, grpc.aio.StreamUnaryClientInterceptor):
    intercept_stream_unary: Any = _Changes._intercept  # noqa: SLF001


class _StreamStream(_Changes, grpc.aio.StreamStreamClientInterceptor):
    intercept_stream_stream: Any = _Changes._intercept  # noqa: SLF001


def changing(change: Change) -> list[ClientInterceptor]:
    """Call on with what *change* makes of the metadata; gRPC wants one for each kind of call."""
    return [kind(change) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]


def client_interceptors() -> list[ClientInterceptor]:
    """Send the current lane with each call; for ``interceptors`` of ``grpc.aio``'s channels."""
    return changing(with_lane)
