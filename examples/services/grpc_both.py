"""gRPC on both sides: the lane goes through, and no line of the service is about it.

    pip install colorfast grpcio opentelemetry-distro opentelemetry-instrumentation-grpc
    export OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none
    PORT=8002 opentelemetry-instrument python grpc_both.py &
    PORT=8001 NEXT=127.0.0.1:8002 opentelemetry-instrument python grpc_both.py &
    opentelemetry-instrument python grpc_both.py 127.0.0.1:8001 canary     # canary canary

Messages are plain bytes here, so that the example needs no generated code. Without OpenTelemetry's
SDK, `colorfast.propagator.grpc` has interceptors for both sides.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from colorfast.propagator import lane

METHOD = "/shop.Orders/Hops"


def hops(request: bytes, context: grpc.ServicerContext) -> bytes:
    """The lane of this hop, and of those behind it."""
    here = str(lane.current()).encode()  # only to show it
    following = os.environ.get("NEXT")
    return here + b" " + call(following) if following else here


def call(target: str) -> bytes:
    with grpc.insecure_channel(target) as channel:
        answer: bytes = channel.unary_unary(METHOD)(b"", timeout=5)
        return answer


def serve() -> None:
    server = grpc.server(ThreadPoolExecutor())
    handlers = {"Hops": grpc.unary_unary_rpc_method_handler(hops)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Orders", handlers)])
    server.add_insecure_port(f"127.0.0.1:{os.environ['PORT']}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    if sys.argv[1:]:
        with lane.use(sys.argv[2]):  # a gateway would have dyed it
            print(call(sys.argv[1]).decode())
    else:
        serve()
