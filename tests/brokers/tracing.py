"""OpenTelemetry's instrumentation of a client, with an SDK, for one block."""

import contextlib
from collections.abc import Iterator
from typing import Any

from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from colorfast.propagator import LanePropagator


@contextlib.contextmanager
def traced(*instrumentors: Any, **settings: Any) -> Iterator[None]:
    """OTEL_PROPAGATORS=tracecontext,baggage,colorfast and *instrumentors*."""
    before = propagate.get_global_textmap()
    parts = [TraceContextTextMapPropagator(), W3CBaggagePropagator(), LanePropagator()]
    propagate.set_global_textmap(CompositePropagator(parts))
    with contextlib.ExitStack() as stack:
        stack.callback(propagate.set_global_textmap, before)
        for one in instrumentors:
            one.instrument(tracer_provider=TracerProvider(), **settings)
            stack.callback(one.uninstrument)
        yield
