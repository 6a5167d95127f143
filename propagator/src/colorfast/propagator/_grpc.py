"""What both kinds of gRPC interceptors need."""

from collections.abc import Callable
from typing import Any, TypeAlias

import grpc
from opentelemetry.propagators.textmap import Setter

from colorfast.propagator._propagator import own

Change: TypeAlias = Callable[[Any], Any]
"""From a call's metadata (pairs, or None) to what is sent instead."""

_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., Any]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
"""By streaming of requests and of responses: where a handler's behaviour is, what makes one."""


def rebuilt(handler: Any, wrap: Callable[[Any], Any]) -> Any:
    """*handler* with its behaviour wrapped."""
    name, make = _KINDS[handler.request_streaming, handler.response_streaming]
    return make(
        wrap(getattr(handler, name)),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


class _Append(Setter[list[tuple[str, str]]]):
    def set(self, carrier: list[tuple[str, str]], key: str, value: str) -> None:
        """Metadata is a list of pairs."""
        carrier.append((key, value))


_APPEND = _Append()


def with_lane(metadata: Any) -> tuple[tuple[str, Any], ...]:
    """*metadata* (pairs, or None) with what the current context has to be sent."""
    pairs = list(metadata or ())
    own().inject(pairs, None, _APPEND)
    return tuple(pairs)
