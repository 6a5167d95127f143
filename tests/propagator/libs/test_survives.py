"""The lane survives A -> library -> B: every server, every client, real sockets.

A is ``service.py``, started by ``opentelemetry-instrument`` (or not at all instrumented, with
Colorfast's own middlewares and interceptors); B is a sink that answers with what it got.
"""

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import grpc
import pytest

HERE = Path(__file__).parent
WITHIN = 120.0

SERVERS = ("flask", "django", "fastapi", "fastapi blocking", "aiohttp", "grpc", "grpc.aio")
CLIENTS = (
    "requests", "urllib3", "urllib", "httpx", "httpx async", "aiohttp", "grpc", "grpc.aio",
    "thread", "executor", "timer", "asyncio executor", "asyncio task", "asyncio thread",
)  # fmt: skip
WAYS: Mapping[str, Mapping[str, str]] = {
    "baggage and colorfast": {"OTEL_PROPAGATORS": "tracecontext,baggage,colorfast"},
    "colorfast alone": {"OTEL_PROPAGATORS": "tracecontext,colorfast"},
    "the hook": {"COLORFAST_HOSTS": "127.0.0.1"},  # where the sinks are, so the guard is there too
    "no instrumentation": {"SERVICE_OWN": "1"},
}
SENT = {"x-lane": "canary", "baggage": "tenant=blue,lane=canary"}


class Sink(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def http_sink() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(WITHIN)


@pytest.fixture(scope="module")
def grpc_sink() -> Iterator[str]:
    def call(_: bytes, context: grpc.ServicerContext) -> bytes:
        return json.dumps(
            [[name, str(value)] for name, value in context.invocation_metadata()]
        ).encode()

    server = grpc.server(ThreadPoolExecutor(2))
    handler: Any = grpc.unary_unary_rpc_method_handler(call)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", {"Call": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(grace=None).wait(WITHIN)


@contextmanager
def service(way: str, http_sink: str, grpc_sink: str) -> Iterator[dict[str, str]]:
    """Where the servers of a running service are."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL", "COLORFAST"))}
    environ = {
        "SERVICE_HTTP_SINK": http_sink,
        "SERVICE_GRPC_SINK": grpc_sink,
        "DJANGO_SETTINGS_MODULE": "service_django",
        "PYTHONPATH": str(HERE),
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    command = [sys.executable, str(HERE / "service.py")]
    if "SERVICE_OWN" not in WAYS[way]:
        command.insert(0, str(Path(sys.executable).with_name("opentelemetry-instrument")))
    process = subprocess.Popen(
        command, env={**kept, **environ, **WAYS[way]}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    try:
        assert select.select([process.stdout], [], [], WITHIN)[0], "the service does not start"
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(WITHIN)
    finally:
        process.kill()
        process.wait(WITHIN)
        process.stdout.close()


@pytest.fixture(scope="module", params=WAYS)
def servers(
    request: pytest.FixtureRequest, http_sink: str, grpc_sink: str
) -> Iterator[dict[str, str]]:
    with service(request.param, http_sink, grpc_sink) as places:
        yield places


def ask(place: str, client: str, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the sink got when the server at *place* has called it."""
    if place.startswith("http"):
        request = Request(f"{place}/call/{quote(client)}", headers=dict(headers))
        with urlopen(request, timeout=WITHIN) as answer:
            return [(name, value) for name, value in json.load(answer)]
    with grpc.insecure_channel(place) as channel:
        call: Any = channel.unary_unary("/test.Echo/Call")
        answered = call(client.encode(), metadata=tuple(headers.items()), timeout=WITHIN)
        return [(name, value) for name, value in json.loads(answered)]


def ours(lines: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The lane header's lines, and the members of baggage whatever their order."""
    lane = [value for name, value in lines if name == "x-lane"]
    baggage = [value for name, value in lines if name == "baggage"]
    return {"x-lane": lane, "baggage": sorted(",".join(baggage).split(",")) if baggage else []}


def test_the_lane_survives_every_server_and_every_client(servers: dict[str, str]) -> None:
    wanted = {"x-lane": ["canary"], "baggage": ["lane=canary", "tenant=blue"]}
    for server in SERVERS:
        got = {client: ours(ask(servers[server], client, SENT)) for client in CLIENTS}
        assert got == dict.fromkeys(CLIENTS, wanted), server


def test_a_member_alone_makes_the_header_and_no_lane_makes_none(servers: dict[str, str]) -> None:
    for server in SERVERS:
        for client in ("requests", "aiohttp", "grpc"):
            member = ours(ask(servers[server], client, {"baggage": "lane=canary"}))
            assert member == {"x-lane": ["canary"], "baggage": ["lane=canary"]}
            for sent in ({}, {"x-lane": "EVIL"}, {"baggage": "lane=EVIL"}):
                none = ours(ask(servers[server], client, sent))
                assert none["x-lane"] == []


def test_requests_at_the_same_time_keep_their_lanes(servers: dict[str, str]) -> None:
    lanes = [f"pr-{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for server in SERVERS:
            place = servers[server]
            answers = pool.map(lambda name: ask(place, "aiohttp", {"x-lane": name}), lanes)  # noqa: B023 (used up in this round)
            assert [ours(answer)["x-lane"] for answer in answers] == [[name] for name in lanes]
