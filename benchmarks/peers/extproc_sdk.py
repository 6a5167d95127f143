"""The rules of ten-rules.yaml on PyPI's envoy-extproc-sdk, the way a user of it would write them.

Run by the peer's own virtual environment, never imported. It flatters the peer: uvloop in place of
the SDK's plain asyncio, loopback in place of all interfaces, and ``_peer`` turns its tracing off.
"""

import asyncio
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

# The SDK wants its user to generate this package from gRPC's own health.proto.
sys.modules["grpc_health_check.v1.health_pb2"] = health_pb2
sys.modules["grpc_health_check.v1.health_pb2_grpc"] = health_pb2_grpc

from envoy_extproc_sdk import BaseExtProcService  # type: ignore[import-not-found]  # noqa: E402
from envoy_extproc_sdk.util.envoy import (  # type: ignore[import-not-found]  # noqa: E402
    EnvoyHeaderValue,
    EnvoyHeaderValueOption,
    add_ExternalProcessorServicer_to_server,
)

Seen = dict[str, bytes]

BOTS = re.compile(rb".*(bot|crawler).*", re.IGNORECASE | re.ASCII)


def cookie(seen: Seen, name: bytes) -> bytes | None:
    for piece in seen.get("cookie", b"").split(b";"):
        key, equals, value = piece.strip(b" \t").partition(b"=")
        if equals and key == name:
            return value
    return None


def query(seen: Seen, name: str) -> str | None:
    for piece in seen.get(":path", b"").partition(b"?")[2].decode("latin-1").split("&"):
        key, _, value = piece.partition("=")
        if unquote(key) == name:
            return unquote(value)
    return None


def path(seen: Seen) -> bytes:
    return seen.get(":path", b"").partition(b"?")[0]


def host(seen: Seen) -> bytes:
    return seen.get(":authority", b"").partition(b":")[0].lower()


RULES: tuple[tuple[Callable[[Seen], object], bytes], ...] = (
    (lambda seen: cookie(seen, b"beta") == b"on", b"beta"),
    (lambda seen: path(seen).startswith(b"/beta/"), b"beta"),
    (lambda seen: path(seen).startswith(b"/internal/"), b"internal"),
    (lambda seen: query(seen, "preview") in ("1", "2"), b"beta"),
    (lambda seen: BOTS.fullmatch(seen.get("user-agent", b"")), b"bots"),
    (lambda seen: seen.get("x-tenant") == b"acme", b"acme"),
    (lambda seen: seen.get("x-country") in (b"DE", b"FR", b"IT"), b"eu"),
    (lambda seen: seen.get("accept-language", b"").startswith(b"pt-BR"), b"br"),
    (lambda seen: host(seen).endswith(b".staff.example.com"), b"internal"),
    (lambda seen: seen.get("agent") == b"pc", b"canary"),
)


def dye(headers: Any, context: Any, request: Any, response: Any) -> Any:
    """The handler of the phase ``request_headers``."""
    seen: Seen = {}
    for header in headers.headers.headers:
        # Not the SDK's get_header: Envoy fills raw_value only, and the SDK looks at value.
        value = header.raw_value
        seen[header.key] = seen[header.key] + b"," + value if header.key in seen else value
    lane = next((lane for matches, lane in RULES if matches(seen)), b"base")
    write(response, "x-lane", lane)
    write(response, "baggage", member_first(lane, seen.get("baggage", b"")))
    return response


def write(response: Any, name: str, value: bytes) -> None:
    # Not the SDK's add_header, for the same reason.
    header = EnvoyHeaderValue(key=name, raw_value=value)
    response.header_mutation.set_headers.append(EnvoyHeaderValueOption(header=header))


def member_first(lane: bytes, value: bytes) -> bytes:
    rest = b",".join(piece for piece in value.split(b",") if not is_ours(piece)).strip(b" \t")
    return b"lane=" + lane + (b"," + rest if rest else b"")


def is_ours(piece: bytes) -> bool:
    key, equals, _ = piece.partition(b"=")
    return bool(equals) and key.strip(b" \t") == b"lane"


async def main() -> None:
    service = BaseExtProcService(name="ten-rules")
    service.process("request_headers")(dye)
    server = grpc.aio.server()
    add_ExternalProcessorServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    names = ("envoy-extproc-sdk", "grpcio", "protobuf", "uvloop")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"serving with {versions} on 127.0.0.1:{port}")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
