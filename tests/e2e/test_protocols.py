"""Whatever HTTP is spoken, requests are dyed alike and bodies pass untouched."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass

import aiohttp
import httpx
import pytest
import pytest_asyncio

from helpers import policies
from helpers.clients import Http1
from helpers.envoys import DEADLINE, short_folder
from helpers.gateways import Gateway, Way, running_gateway
from helpers.services import running_service
from helpers.upstreams import App, digest, large

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEC = """
rules:
- name: pc
  match: [{headers: {agent: {exact: pc}}}]
  lane: canary
"""
PC = {"agent": "pc", "baggage": "a=1"}
SPOOF = {"x-lane": "canary", "baggage": "lane=canary,a=1"}
DYED = ("canary", "canary", "lane=canary,a=1")
UNDYED = ("base", "", "a=1")
WEBSOCKETS = {"upgrade_configs": [{"upgrade_type": "websocket"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An Envoy, and the applications behind it by lane."""

    gateway: Gateway
    apps: dict[str, App]

    @property
    def edge(self) -> str:
        return self.gateway.listener("edge")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(short_folder())
        service = stack.enter_context(running_service(folder, policies.file(SPEC)))
        apps = {lane: App(lane) for lane in ("base", "canary")}
        for lane, app in apps.items():
            await stack.enter_async_context(app.serving(folder / lane))
        policy = policies.policy(SPEC)
        way = Way(name="edge", policy=policy, target=service.target, manager=WEBSOCKETS)
        gateway = stack.enter_context(running_gateway(folder, [way]))
        yield Site(gateway=gateway, apps=apps)


@pytest_asyncio.fixture(params=["HTTP/1.1", "HTTP/2"], loop_scope="module")
async def client(site: Site, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks one version only; HTTP/2 by prior knowledge."""

    async def check(response: httpx.Response) -> None:
        assert response.http_version == request.param

    http2 = request.param == "HTTP/2"
    transport = httpx.AsyncHTTPTransport(uds=site.edge, http1=not http2, http2=http2)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://shop.example.com",
        timeout=DEADLINE,
        event_hooks={"response": [check]},
    ) as made:
        yield made


def told(headers: httpx.Headers) -> tuple[str, str, str]:
    """Which upstream answered, and the lane header and the baggage that it saw."""
    return headers["upstream"], headers["seen-x-lane"], headers["seen-baggage"]


async def pieces(iterator: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in iterator:
        yield piece


async def test_requests_are_dyed(client: httpx.AsyncClient) -> None:
    assert told((await client.get("/", headers=PC)).headers) == DYED
    assert told((await client.get("/", headers=SPOOF)).headers) == UNDYED


async def test_requests_at_the_same_time_get_their_own_lanes(client: httpx.AsyncClient) -> None:
    sent = [PC, SPOOF] * 20
    replies = await asyncio.gather(*(client.get("/", headers=headers) for headers in sent))
    assert [told(reply.headers) for reply in replies] == [DYED, UNDYED] * 20


@pytest.mark.parametrize("headers", [PC, SPOOF])
async def test_a_large_body_goes_up_byte_for_byte(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    reply = await client.post("/", headers=headers, content=pieces(large()))
    assert reply.text == digest(large())
    assert told(reply.headers) == (DYED if headers is PC else UNDYED)


async def test_a_large_body_comes_down_byte_for_byte(client: httpx.AsyncClient) -> None:
    hashed = hashlib.sha256()
    async with client.stream("GET", "/down", headers=PC) as reply:
        async for piece in reply.aiter_raw():
            hashed.update(piece)
    assert hashed.hexdigest() == digest(large())
    assert told(reply.headers) == DYED


async def test_a_response_arrives_as_it_is_produced(client: httpx.AsyncClient, site: Site) -> None:
    more = site.apps["canary"].more
    more.clear()
    async with client.stream("GET", "/drip", headers=PC) as reply:
        arriving = reply.aiter_raw()
        # The application does not write the second piece before we have the first one.
        assert await anext(arriving) == b"first"
        more.set()
        assert [piece async for piece in arriving] == [b"second"]
    assert told(reply.headers) == DYED


async def test_head_is_dyed(client: httpx.AsyncClient) -> None:
    reply = await client.head("/", headers=PC)
    assert (reply.content, reply.headers["content-length"]) == (b"", "64")
    assert told(reply.headers) == DYED


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_is_dyed(client: httpx.AsyncClient, method: str) -> None:
    reply = await client.request(method, "/", headers=PC, content=b"body")
    assert reply.text == hashlib.sha256(b"body").hexdigest()
    assert told(reply.headers) == DYED


async def test_a_client_that_expects_100_continue_is_told_to(site: Site) -> None:
    reader, writer = await asyncio.open_unix_connection(site.edge)
    head = (
        b"POST / HTTP/1.1\r\nhost: x\r\nagent: pc\r\nexpect: 100-continue\r\ncontent-length: 4\r\n"
    )
    try:
        async with asyncio.timeout(DEADLINE):
            writer.write(head + b"connection: close\r\n\r\n")
            # Only now the body is sent.
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"body")
            answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"upstream: canary" in answer
    assert answer.endswith(hashlib.sha256(b"body").hexdigest().encode())


def _pipelined(path: str, count: int) -> list[bytes]:
    with closing(Http1(path)) as client:
        for number in range(count):
            client.write([(b"agent", b"pc" if number % 2 else b"tv")])
        return [client.read().fields[b"upstream"] for _ in range(count)]


def _kept_alive(path: str, count: int) -> list[bytes]:
    with closing(Http1(path)) as client:
        asked = [client.ask([(b"agent", b"pc" if n % 2 else b"tv")]) for n in range(count)]
        return [reply.fields[b"upstream"] for reply in asked]


@pytest.mark.parametrize("send", [_pipelined, _kept_alive])
async def test_requests_of_one_connection_get_their_own_lanes(
    site: Site, send: Callable[[str, int], list[bytes]]
) -> None:
    assert await asyncio.to_thread(send, site.edge, 10) == [b"base", b"canary"] * 5


async def test_a_websocket_is_dyed_and_passes(site: Site) -> None:
    async with (
        asyncio.timeout(DEADLINE),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(site.edge)) as session,
        session.ws_connect("http://shop.example.com/socket", headers=PC) as socket,
    ):
        seen = await socket.receive_json()
        assert (seen["upstream"], seen["seen-x-lane"], seen["seen-baggage"]) == DYED
        for word in ("one", "two"):
            await socket.send_str(word)
            assert await socket.receive_str() == word
