"""Conformance vectors through real Envoys that have what Istio renders from our objects.

Theory of operation. Each vector file's policy has a namespace of its own, and all of them are in one
cluster, which Istio's engine renders once: a proxy for each file. What these proxies are sent is put
into one Envoy. A listener that would be reached by iptables is reached by its socket here, and a PROXY
header says what iptables would: whom the connection comes from and where it was going. Clusters of the
mesh lead to the one upstream that notes what arrives. Istio's routes choose by lane, and each says
which one it is.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

from lab.istio.cluster import (
    istio_gateway,
    named,
    namespace,
    service,
    workload,
)
from lab.istio.tools import render

from colorfast.envoy import Fallback
from colorfast.envoy.bootstrap import bootstrap, cluster
from colorfast.extproc import Processor, answering
from colorfast.k8s import Backend, Placement, Target, TargetOptions, Version, compile_target
from colorfast.lane import is_family, lanes_regex
from colorfast.mesh._launch import start_envoy
from colorfast.mesh._supervisor import Supervisor
from colorfast.mesh.conformance import _NUMBER, _ROUTE, _observed, _upstream
from colorfast.policy import Engine, Gateway, Lines, Observed, VectorFile, VectorModel
from colorfast.policy._vectors import route_of
from colorfast.wasm import path as wasm_module

Json = dict[str, Any]

Direction: TypeAlias = Literal["gateway", "sidecar-inbound", "sidecar-outbound"]

LABELS: Final = (("app", "proxy"),)
_TIMEOUT: Final = 30.0
_AT_ONCE: Final = 16
_PORT: Final = 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What carries a station, and what decides in it."""

    target: Target
    backend: Backend
    fallback: Fallback | None = None
    """With one, the service is dead."""

    def options(self, placement: Placement, service: str) -> TargetOptions:
        return TargetOptions(
            placement=placement,
            backend=self.backend,
            fallback=self.fallback,
            service=service,
            image=f"file://{wasm_module()}",
            message_timeout=_TIMEOUT,
            istio=Version(1, 29) if self.target == "wasmplugin" else Version(1, 31),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One vector file's place in cluster and Envoy."""

    number: int
    file: VectorFile
    direction: Direction
    folder: Path

    @property
    def namespace(self) -> str:
        return f"file-{self.number}"

    @property
    def port(self) -> int:
        """Of its own: listeners and clusters of all files share an Envoy."""
        return _PORT + self.number

    @property
    def host(self) -> str:
        return f"up.{self.namespace}.svc.cluster.local"

    @property
    def proxy(self) -> str:
        return f"{self.direction}:{self.namespace}/proxy"

    @property
    def service(self) -> Path:
        return self.folder / f"service-{self.number}"

    @property
    def socket(self) -> Path:
        """Where requests enter: a sidecar has one listener for all that goes out."""
        shared = self.direction == "sidecar-outbound"
        return self.folder / ("outbound" if shared else f"in-{self.number}")

    @property
    def vectors(self) -> list[VectorModel]:
        station = "dye" if self.direction == "gateway" else "carry"
        return [vector for vector in self.file.vectors if vector.station == station]

    def objects(self, way: Way) -> Iterator[Json]:
        """Our object, and the cluster around it."""
        at_gateway = self.direction == "gateway"
        place = Placement(
            place="gateway" if at_gateway else "sidecar", namespace=self.namespace, selector=LABELS
        )
        options = way.options(place, f"unix:{self.service}")
        yield from compile_target(self.file.policy, way.target, options)[0]
        yield namespace(self.namespace)
        gateway = Gateway(name="proxy", namespace=self.namespace, hosts=("*",), selector=LABELS)
        if at_gateway:
            yield from istio_gateway(gateway)
        else:
            yield workload("proxy", self.namespace, dict(LABELS), self.port)
            # A sidecar is told of its own namespace only.
            spec = {"egress": [{"hosts": ["./*"]}]}
            yield named("networking.istio.io/v1", "Sidecar", "own", self.namespace, spec=spec)
        yield service("up", self.namespace, dict(LABELS), self.port, "http")
        yield self.routes(at_gateway=at_gateway)

    def routes(self, *, at_gateway: bool) -> Json:
        """A route a lane, as the corpus wants them; the baseline's is the default."""
        policy = self.file.policy
        routes = []
        for pattern in policy.lanes.patterns:
            family = is_family(pattern)
            match = {"regex": lanes_regex(pattern)} if family else {"exact": pattern}
            one = self.route(f"%REQ({policy.header})%" if family else pattern)
            routes.append({"match": [{"headers": {policy.header: match}}]} | one)
        spec: Json = {"hosts": [self.host], "http": [*routes, self.route(policy.baseline)]}
        if at_gateway:
            spec |= {"hosts": ["*"], "gateways": [f"{self.namespace}/proxy"]}
        return named("networking.istio.io/v1", "VirtualService", "up", self.namespace, spec=spec)

    def route(self, said: str) -> Json:
        destination = {"host": self.host, "port": {"number": self.port}}
        headers = {"request": {"set": {_ROUTE: said}}}
        return {"route": [{"destination": destination}], "headers": headers}

    def proxy_header(self, source: str) -> bytes:
        """What iptables would tell: where from, where to."""
        version = ip_address(source).version
        target = "10.0.0.1" if version == 4 else "2001:db8::1"
        return f"PROXY TCP{version} {source} {target} 40000 {self.port}\r\n".encode()


class Bench:
    """Envoy with all files' proxies of one direction; an asynchronous context manager."""

    def __init__(self, files: Sequence[VectorFile], way: Way, direction: Direction) -> None:
        self._files = files
        self._way = way
        self._direction = direction
        self._seen: dict[int, Lines] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cf-")))
            self._seats = [
                Seat(number=number, file=file, direction=self._direction, folder=folder)
                for number, file in enumerate(self._files)
            ]
            self._supervisor = await stack.enter_async_context(Supervisor(folder))
            await stack.enter_async_context(_upstream(folder / "upstream", self._seen))
            if self._way.backend == "extproc" and self._way.fallback is None:
                for seat in self._seats:
                    processor = Processor(Engine(seat.file.policy))
                    await stack.enter_async_context(answering(processor, f"unix:{seat.service}"))
            config = await asyncio.to_thread(self._config, folder)
            admin = folder / "admin"
            starting = start_envoy(
                *(self._supervisor, "envoy", config),
                file=folder / "envoy.json",
                admin=admin,
                within=_TIMEOUT,
            )
            await self._supervisor.guard(starting)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _config(self, folder: Path) -> Json:
        objects = [one for seat in self._seats for one in seat.objects(self._way)]
        rendered = render(objects, [seat.proxy for seat in self._seats], output="bootstrap")
        listeners: dict[str, Json] = {}
        clusters: dict[str, Json] = {}
        for seat in self._seats:
            resources = rendered[seat.proxy]["static_resources"]
            for one in resources["listeners"]:
                if adapted := ADAPT[seat.direction](one, seat):
                    listeners[adapted["name"]] = _own_service(adapted, seat)
            for one in resources["clusters"]:
                name = one["name"]
                if "bound|" in name:  # Istio's outbound|PORT|SUBSET|HOST, inbound|PORT||
                    clusters[name] = cluster(name, f"unix:{folder}/upstream")
                else:
                    made = _own_service(one, seat)
                    clusters[made["name"]] = made
        config = bootstrap(
            admin=f"unix:{folder}/admin", listeners=listeners.values(), clusters=clusters.values()
        )
        # As in the bootstrap of Istio's proxies.
        layer = {"name": "static", "static_layer": {"re2.max_program_size.error_level": 32768}}
        return config | {"layered_runtime": {"layers": [layer]}}

    async def observe(self) -> list[list[Observed]]:
        """What becomes of every vector of every file."""
        return await self._supervisor.guard(self._observe())

    async def _observe(self) -> list[list[Observed]]:
        gate = asyncio.Semaphore(_AT_ONCE)
        numbers = iter(range(1 << 30))

        async def one(seat: Seat, vector: VectorModel, number: int) -> Observed:
            async with gate:
                await _send(seat, vector, number)
            return _observed(seat.file.policy, self._arrived(seat, vector, number), tells=False)

        return [
            list(await asyncio.gather(*(one(seat, v, next(numbers)) for v in seat.vectors)))
            for seat in self._seats
        ]

    def _arrived(self, seat: Seat, vector: VectorModel, number: int) -> Lines:
        lines = self._seen.pop(number)
        if seat.direction == "sidecar-inbound":
            # Nothing is routed by lanes here; this is where the next hop would send it.
            lines += ((_ROUTE, route_of(seat.file.policy, lines).encode()),)
        return lines


def _enters(listener: Json, seat: Seat) -> Json:
    """The listener is reached by the seat's socket."""
    name = f"{listener['name']}-{seat.number}"
    return listener | {"name": name, "address": {"pipe": {"path": str(seat.socket)}}}


def _told_source(listener: Json, seat: Seat) -> Json:
    """A gateway sees the client's address; here a PROXY header says it."""
    package = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
    told = {"@type": f"type.googleapis.com/{package}"}
    one = {"name": "envoy.filters.listener.proxy_protocol", "typed_config": told}
    return _enters(listener, seat) | {"listener_filters": [one]}


def _goes_out(listener: Json, seat: Seat) -> Json | None:
    """The listener of the seat's own port, and the one that hands connections over."""
    if listener["name"] == "virtualOutbound":
        return listener | {"address": {"pipe": {"path": str(seat.socket)}}}
    return listener if listener["name"].endswith(f"_{seat.port}") else None


ADAPT: Final[dict[Direction, Callable[[Json, Seat], Json | None]]] = {
    "gateway": _told_source,
    "sidecar-inbound": _enters,
    "sidecar-outbound": _goes_out,
}
"""How a listener is reached without a network of its own."""


def _own_service(value: Any, seat: Seat) -> Any:
    """*value* with the seat's own name of the service's cluster."""
    if isinstance(value, list):
        return [_own_service(one, seat) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: _own_service(one, seat) for key, one in value.items()}
    for key in ("cluster_name", "name"):
        if made.get(key) == "colorfast":
            made[key] = f"colorfast-{seat.number}"
    return made


async def _send(seat: Seat, vector: VectorModel, number: int) -> None:
    request = vector.request
    # A hop decides without the host, and a sidecar's routes want one that they know.
    host = request.host if seat.direction == "gateway" else seat.host
    head = [f"{request.method} {request.path} HTTP/1.1", f"host: {host}"]
    head += [f"{name}: {value}" for name, value in request.headers]
    head += [f"{_NUMBER}: {number}", "connection: close"]
    async with asyncio.timeout(_TIMEOUT):
        reader, writer = await asyncio.open_unix_connection(str(seat.socket))
        try:
            writer.write(seat.proxy_header(request.source_ip))
            writer.write("\r\n".join([*head, "", ""]).encode())
            status = await reader.readline()
            assert status.split()[1:2] == [b"200"], (seat.file.file, vector.name, status)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
