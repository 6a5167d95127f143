"""What the tests of this room share: messages, a service, and a real Envoy in front of it."""

import asyncio
import contextlib
import http.client
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from colorfast.envoy import Chain, Json, bootstrap
from colorfast.extproc import Processor, Running, Settings, StreamOptions, answering, running
from colorfast.extproc._settings import TRANSPORT
from colorfast.extproc._transport import TransportName
from colorfast.extproc.wire import ProcessingRequest, ProcessingResponse
from colorfast.policy import Engine
from helpers import policies
from helpers.envoys import Seen, connect, get, running_envoy, send

METHOD = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
DEADLINE = 20.0
"""Seconds that anything may take before a test gives it up."""

transport_of_the_test: TransportName = TRANSPORT
"""What services of this module use; the fixture ``transport`` changes it."""

PC = """
lanes: [base, canary, "pr-*"]
rules:
- name: pc-users
  match:
  - headers: {agent: {exact: pc}}
  lane: canary
"""
"""Undyed by default; ``agent: pc`` gets canary."""


def engine(spec: str = PC) -> Engine:
    return Engine(policies.policy(spec))


def message(
    headers: Iterable[tuple[str, bytes]] = (), *, source: str = "", phase: str = "request_headers"
) -> bytes:
    """A serialised ProcessingRequest as Envoy makes it."""
    request = ProcessingRequest()
    part = getattr(request, phase)
    part.SetInParent()
    for name, value in headers:
        part.headers.headers.add(key=name, raw_value=value)
    if source:
        fields = request.attributes["envoy.filters.http.ext_proc"].fields
        fields["source.address"].string_value = source
    return request.SerializeToString(deterministic=True)


def written(answer: bytes) -> tuple[dict[str, bytes], list[str]]:
    """What an answer to request headers sets and removes."""
    mutation = ProcessingResponse.FromString(answer).request_headers.response.header_mutation
    sets = {option.header.key: option.header.raw_value for option in mutation.set_headers}
    return sets, list(mutation.remove_headers)


async def until(condition: Callable[[], object]) -> None:
    """Wait for *condition*; a deadline turns waiting for ever into a failure."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 (conditions of others set no event)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def service(folder: Path, spec: str = PC, **settings: Any) -> AsyncIterator[Running]:
    """The service on a Unix socket in *folder*, serving ``folder/policy.yaml``."""
    file = folder / "policy.yaml"
    if not file.exists():
        file.write_text(policies.file(spec))
    chosen = {"listen": f"unix:{folder}/ep", "admin": None, "grace": DEADLINE, "poll": 0.05}
    chosen["transport"] = transport_of_the_test
    async with running(Settings(policy=str(file), **(chosen | settings))) as started:
        yield started


@contextlib.asynccontextmanager
async def recorder(folder: Path) -> AsyncIterator[list[bytes]]:
    """The processor behind gRPC at ``folder/ep``, and the messages that it was sent."""
    messages: list[bytes] = []

    class Recording(Processor):
        def process(self, message: bytes, stream: StreamOptions) -> bytes:
            messages.append(message)
            return super().process(message, stream)

    async with answering(Recording(engine()), f"unix:{folder}/ep", transport_of_the_test):
        yield messages


Call: TypeAlias = "grpc.aio.StreamStreamCall[bytes, bytes]"


def start(channel: grpc.aio.Channel, *metadata: tuple[str, str], method: str = METHOD) -> Call:
    """Open a stream whose messages are raw bytes."""
    call: Call = channel.stream_stream(method)(metadata=metadata, timeout=DEADLINE)
    return call


async def ask(channel: grpc.aio.Channel, request: bytes, *metadata: tuple[str, str]) -> bytes:
    """One stream, one message, one answer, and a reset by the client: as Envoy does it."""
    call = start(channel, *metadata)
    await call.write(request)
    answer = await call.read()
    assert isinstance(answer, bytes), (await call.code(), await call.details())
    call.cancel()
    return answer


async def ending(
    channel: grpc.aio.Channel, request: bytes, *metadata: tuple[str, str], method: str = METHOD
) -> grpc.StatusCode:
    """The status of a stream that sends one message and half-closes.

    Both go in one batch, as a unary request's do: a write of its own that loses the race against a
    refusal makes grpc.aio's client say INTERNAL, whatever the server has said.
    """
    opened: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method)
    call = opened(request, metadata=metadata, timeout=DEADLINE)
    with contextlib.suppress(grpc.aio.AioRpcError):
        while await call.read() is not grpc.aio.EOF:
            pass
    return await call.code()


def ext_proc(**changes: Any) -> Json:
    """The recommended filter, with *changes* of its fields."""
    config: Json = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": "colorfast", "authority": "colorfast"}},
        "failure_mode_allow": False,
        "message_timeout": "10s",
        "processing_mode": {"response_header_mode": "SKIP"},
        "mutation_rules": {"disallow_all": True, "allow_expression": {"regex": "x-lane|baggage"}},
        "route_cache_action": "CLEAR",
    }
    return {"name": "ext_proc", "typed_config": config | changes}


class Edge:
    """A real Envoy in *folder* that listens at ``edge`` and has its admin at ``admin``."""

    def __init__(self, folder: Path) -> None:
        self._listener = str(folder / "edge")
        self._admin = str(folder / "admin")

    async def send(self, *lines: tuple[bytes, bytes]) -> Seen:
        """Send a GET with these header lines; what the upstream saw."""
        return await asyncio.to_thread(send, self._listener, list(lines))

    async def post(self, body: bytes) -> int:
        """Send *body*; the answer's status."""
        return await asyncio.to_thread(_post, self._listener, body)

    async def address(self) -> tuple[str, int]:
        """Where it listens, when that is a port."""
        text = (await asyncio.to_thread(get, self._admin, "/listeners?format=json"))[1]
        bound = json.loads(text)["listener_statuses"][0]["local_address"]["socket_address"]
        return bound["address"], bound["port_value"]

    async def stats(self, part: str = "ext_proc") -> dict[str, int]:
        """The counters with *part* in their names that are not zero, by the names' last parts."""
        target = f"/stats?format=json&filter={part}"
        text = (await asyncio.to_thread(get, self._admin, target))[1]
        rows = json.loads(text)["stats"]
        return {row["name"].rpartition(".")[2]: row["value"] for row in rows if row.get("value")}


@asynccontextmanager
async def edge(
    folder: Path, target: str, *filters: Json, cluster: Json | None = None, listen: str = ""
) -> AsyncIterator[Edge]:
    """A real Envoy that asks the service at *target*, in front of an upstream that echoes.

    *filters* take the place of the recommended one; *cluster* is more of the service's cluster;
    *listen* is another address to listen at.
    """
    chain = Chain(early=(), filters=filters or (ext_proc(),))
    host = bootstrap.virtual_host("all", [bootstrap.route("up", "up")])
    manager = bootstrap.connection_manager("edge", [host], chain)
    asked = bootstrap.cluster("colorfast", target, protocol="http2") | (cluster or {})
    manager["typed_config"]["generate_request_id"] = False
    config = bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[bootstrap.listener("edge", listen or f"unix:{folder}/edge", manager)],
        clusters=[bootstrap.cluster("up", f"unix:{folder}/up"), asked],
    )
    async with await asyncio.start_unix_server(_echo, folder / "up"):
        process = running_envoy(config)
        # In threads: Envoy is ready when health checks were answered, and this loop answers them.
        await asyncio.to_thread(process.__enter__)
        try:
            yield Edge(folder)
        finally:
            await asyncio.to_thread(process.__exit__, None, None, None)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the request's head, as ``helpers.envoys.send`` wants it."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            body = b"up\n" + head.removesuffix(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    writer.close()


def _post(path: str, body: bytes) -> int:
    connection = http.client.HTTPConnection("shop.example.com", timeout=DEADLINE)
    connection.sock = connect(path)
    try:
        connection.request("POST", "/", body)
        return connection.getresponse().status
    finally:
        connection.close()
