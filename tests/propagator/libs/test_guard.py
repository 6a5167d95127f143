"""The egress guard on real clients: 127.0.0.1 is inside, localhost is a third party."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, build_opener

import aiohttp
import grpc
import grpc.aio
import httpx
import pytest
import requests
import urllib3
from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.grpc import GrpcAioInstrumentorClient, GrpcInstrumentorClient
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.propagators.composite import CompositePropagator

from colorfast.propagator import LanePropagator, guard, lane

INSTRUMENTORS = (
    AioHttpClientInstrumentor,
    GrpcAioInstrumentorClient,
    GrpcInstrumentorClient,
    HTTPXClientInstrumentor,
    RequestsInstrumentor,
    URLLib3Instrumentor,
    URLLibInstrumentor,
)
WITHIN = 20.0
ALL = {"x-lane": "canary", "baggage": "lane=canary,tenant=blue"}
REST = {"baggage": "tenant=blue"}


class Hops(BaseHTTPRequestHandler):
    """Notes what it gets; ``?to=URL`` redirects."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        host = (self.headers["host"] or "").partition(":")[0]
        names = ("x-lane", "baggage")
        got = {name: value for name in names if (value := self.headers[name]) is not None}
        self.seen.append((host, got))
        to = parse_qs(urlsplit(self.path).query).get("to")
        self.send_response(307 if to else 200)
        if to:
            self.send_header("location", to[0])
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 (http.server's name)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hops() -> Iterator[tuple[int, list[tuple[str, dict[str, str]]]]]:
    """The port of a server that has two names, and what it got."""
    seen: list[tuple[str, dict[str, str]]] = []
    handler = type("Handler", (Hops,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port, seen
        server.shutdown()
        thread.join(WITHIN)


def headers() -> dict[str, str]:
    return {} if instrumented() else lane.headers()


def instrumented() -> bool:
    return any(kind().is_instrumented_by_opentelemetry for kind in INSTRUMENTORS)


def by_requests(url: str) -> None:
    requests.get(url, headers=headers(), timeout=WITHIN)


def by_requests_post(url: str) -> None:
    requests.post(url, data=iter([b"in", b"chunks"]) if "to=" not in url else b"x",
                  headers=headers(), timeout=WITHIN)  # fmt: skip


def by_urllib3(url: str) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("GET", url, headers=headers())


def by_urllib3_object(url: str) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("GET", url, headers=urllib3.HTTPHeaderDict(headers()))


def by_urllib(url: str) -> None:
    # Not urlopen, which remembers the proxies of its first call.
    with build_opener().open(Request(url, headers=headers()), timeout=WITHIN) as answer:
        answer.read()


def by_httpx(url: str) -> None:
    with httpx.Client(follow_redirects=True) as client:
        client.get(url, headers=headers())


async def by_async_httpx(url: str) -> None:
    async with httpx.AsyncClient(follow_redirects=True) as client:
        await client.get(url, headers=headers())


async def by_aiohttp(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers()) as answer:
        await answer.read()


CLIENTS: dict[str, Callable[[str], Awaitable[None] | None]] = {
    "requests": by_requests,
    "requests post": by_requests_post,
    "urllib3": by_urllib3,
    "urllib3 object": by_urllib3_object,
    "urllib": by_urllib,
    "httpx": by_httpx,
    "httpx async": by_async_httpx,
    "aiohttp": by_aiohttp,
}


def ask(client: str, url: str) -> None:
    made = CLIENTS[client](url)
    if made is not None:

        async def run() -> None:
            await made

        asyncio.run(run())


@pytest.fixture(params=["nothing", "instrumentation first", "guard first"])
def order(request: pytest.FixtureRequest) -> Iterator[str]:
    """Nothing but the guard, or OpenTelemetry's instrumentations installed before it or after."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(CompositePropagator([W3CBaggagePropagator(), LanePropagator()]))
    try:
        if request.param == "guard first":
            guard.install(["127.0.0.1"])
        if request.param != "nothing":
            for kind in INSTRUMENTORS:
                kind().instrument()
        if request.param != "guard first":
            guard.install(["127.0.0.1"])
        yield request.param
    finally:
        for kind in INSTRUMENTORS:
            if kind().is_instrumented_by_opentelemetry:
                kind().uninstrument()
        guard.uninstall()
        propagate.set_global_textmap(before)


@pytest.fixture
def canary() -> Iterator[None]:
    with lane.from_headers({"x-lane": "canary", "baggage": "tenant=blue"}):
        yield


@pytest.mark.usefixtures("canary", "order")
@pytest.mark.parametrize("client", CLIENTS)
def test_the_lane_goes_to_allowed_hosts_only(
    client: str, hops: tuple[int, list[tuple[str, dict[str, str]]]]
) -> None:
    port, seen = hops
    inside, outside = f"http://127.0.0.1:{port}/", f"http://localhost:{port}/"
    ask(client, inside)
    assert seen == [("127.0.0.1", ALL)]
    seen.clear()
    ask(client, outside)
    assert seen == [("localhost", REST)]


@pytest.mark.usefixtures("canary", "order")
@pytest.mark.parametrize("client", CLIENTS)
def test_a_redirect_does_not_take_it_out(
    client: str, hops: tuple[int, list[tuple[str, dict[str, str]]]]
) -> None:
    port, seen = hops
    inside, outside = f"http://127.0.0.1:{port}/", f"http://localhost:{port}/"
    ask(client, f"{inside}?to={outside}")
    assert seen == [("127.0.0.1", ALL), ("localhost", REST)]
    seen.clear()
    # And what comes back inside has it again.
    ask(client, f"{inside}?to={outside}?to={inside}")
    assert seen == [("127.0.0.1", ALL), ("localhost", REST), ("127.0.0.1", ALL)]


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("client", CLIENTS)
def test_without_the_guard_a_redirect_takes_it_out(
    client: str, hops: tuple[int, list[tuple[str, dict[str, str]]]]
) -> None:
    """What the guard is for; where this fails, a client has learnt it itself."""
    port, seen = hops
    guard.install(["127.0.0.1"])
    guard.uninstall()
    ask(client, f"http://127.0.0.1:{port}/?to=http://localhost:{port}/")
    assert [got["x-lane"] for _, got in seen] == ["canary", "canary"]


@pytest.mark.usefixtures("canary")
def test_the_headers_of_the_application_are_not_changed(
    hops: tuple[int, list[tuple[str, dict[str, str]]]],
) -> None:
    port, _ = hops
    mine = lane.headers()
    guard.install([])
    try:
        requests.get(f"http://127.0.0.1:{port}/", headers=mine, timeout=WITHIN)
        urllib3.PoolManager().request("GET", f"http://127.0.0.1:{port}/", headers=mine)
        with requests.Session() as session:
            session.headers.update(mine)
            session.get(f"http://127.0.0.1:{port}/", timeout=WITHIN)
            assert session.headers["x-lane"] == "canary"
    finally:
        guard.uninstall()
    assert mine == ALL


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("client", ["requests", "urllib3", "httpx", "aiohttp", "urllib"])
def test_through_a_proxy_it_is_the_target_that_counts(
    client: str,
    hops: tuple[int, list[tuple[str, dict[str, str]]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, seen = hops
    proxy = f"http://127.0.0.1:{port}"
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    guard.install(["mockb"])
    try:
        for host in ("mockb", "example.com"):
            url = f"http://{host}/"
            if client == "urllib3":
                urllib3.ProxyManager(proxy).request("GET", url, headers=headers())
            elif client == "aiohttp":
                asyncio.run(by_aiohttp_proxy(url, proxy))
            else:
                ask(client, url)
    finally:
        guard.uninstall()
    assert seen == [("mockb", ALL), ("example.com", REST)]


async def by_aiohttp_proxy(url: str, proxy: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers(), proxy=proxy) as answer,
    ):
        await answer.read()


# gRPC


@pytest.fixture
def grpc_port() -> Iterator[int]:
    def call(_: bytes, context: grpc.ServicerContext) -> bytes:
        got = dict(context.invocation_metadata())
        return json.dumps({n: got[n] for n in ("x-lane", "baggage") if n in got}).encode()

    def stream(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield call(b"", context)

    server = grpc.server(ThreadPoolExecutor(2))
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "One": grpc.unary_unary_rpc_method_handler(call),
        "Many": grpc.unary_stream_rpc_method_handler(stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Lane", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(grace=None).wait(WITHIN)


def metadata() -> list[tuple[str, str]]:
    return list(headers().items())


def grpc_got(target: str) -> list[dict[str, str]]:
    with grpc.insecure_channel(target) as channel:
        one: Any = channel.unary_unary("/test.Lane/One")
        many: Any = channel.unary_stream("/test.Lane/Many")
        answers = [one(b"", metadata=metadata(), timeout=WITHIN)]
        answers += many(b"", metadata=metadata(), timeout=WITHIN)
        return [json.loads(answer) for answer in answers]


async def async_grpc_got(target: str) -> list[dict[str, str]]:
    async with grpc.aio.insecure_channel(target) as channel:
        one: Any = channel.unary_unary("/test.Lane/One")
        many: Any = channel.unary_stream("/test.Lane/Many")
        answers = [await one(b"", metadata=metadata(), timeout=WITHIN)]
        answers += [answer async for answer in many(b"", metadata=metadata(), timeout=WITHIN)]
        return [json.loads(answer) for answer in answers]


@pytest.mark.usefixtures("canary", "order")
@pytest.mark.parametrize("scheme", ["", "dns:", "dns:///"])
def test_grpc_channels_are_judged_by_their_target(grpc_port: int, scheme: str) -> None:
    for got in (grpc_got, lambda target: asyncio.run(async_grpc_got(target))):
        assert got(f"{scheme}127.0.0.1:{grpc_port}") == [ALL, ALL]
        assert got(f"{scheme}localhost:{grpc_port}") == [REST, REST]


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("mockb", "mockb"),
        ("mockb:50051", "mockb"),
        ("dns:///mockb:50051", "mockb"),
        ("dns://8.8.8.8/mockb:50051", "mockb"),
        ("dns:mockb", "mockb"),
        ("xds:///mockb.shop", "mockb.shop"),
        ("ipv4:10.0.0.1:80,10.0.0.2:80", "10.0.0.1"),
        ("ipv6:[::1]:80", "::1"),
        ("ipv6:%5B::1%5D:80", "::1"),
        ("[::1]:80", "::1"),
        ("passthrough:///mockb:80", "mockb"),
        ("unix:/run/socket", None),
        ("unix-abstract:name", None),
    ],
)
def test_the_host_of_a_target(target: str, host: str | None) -> None:
    from colorfast.propagator.guard._grpc import host_of  # noqa: PLC0415

    assert host_of(target) == host
