"""Conformance vectors through the real thing: client, Envoy's filters and router, next hop.

Theory of operation. One Envoy has a listener for every policy and station, with the filters of the
backend under test; a backend that asks a service has one for each policy. In front of the one
upstream stand a route for each lane and a default route for the baseline, and each route says which
one it is. The upstream keeps what it got under the number that the client gave the request, so that
nothing has to fit into a response.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast, get_args

from colorfast.envoy import (
    Backend,
    Chain,
    EnvoyVersion,
    ExtProcOptions,
    Fallback,
    Json,
    LuaOptions,
    NativeOptions,
    Station,
    WasmOptions,
    ext_proc_chain,
    extproc_cluster,
    fallback_chain,
    lua_chain,
    native_chain,
    wasm_chain,
)
from colorfast.envoy.bootstrap import (
    bootstrap,
    cluster,
    connection_manager,
    listener,
    route,
    virtual_host,
)
from colorfast.extproc import Processor, answering
from colorfast.lane import is_family, join_lines, lanes_regex
from colorfast.mesh._launch import envoy_version, start_envoy
from colorfast.mesh._supervisor import Supervisor
from colorfast.policy import (
    ColorfastError,
    Engine,
    InvalidInput,
    Lines,
    Observed,
    Policy,
    VectorFile,
    VectorModel,
)
from colorfast.wasm import path as wasm_module

_NUMBER = "x-colorfast-vector"
_SOURCE = "x-colorfast-source"
_ROUTE = "x-colorfast-route"
_TOLD = {"lane": "x-colorfast-lane", "rule": "x-colorfast-rule"}
_OURS = frozenset({_NUMBER, _SOURCE, _ROUTE, *_TOLD.values()})
_STATIONS: tuple[Station, ...] = ("dye", "carry")
_AT_ONCE = 16
_TIMEOUT = 30.0
"""Seconds for one request: far more than it takes, so that a hang is an error and not a hang."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Sockets of one policy in the bench's folder."""

    folder: Path
    index: int
    envoy: EnvoyVersion

    @property
    def service(self) -> Path:
        return self.folder / f"service-{self.index}"

    def listener(self, station: str) -> Path:
        return self.folder / f"{station}-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Front:
    """How a backend is put in front of the upstream."""

    chain: Callable[[Policy, Station, _Place], Chain]
    """Raises InvalidInput for a policy that the backend cannot express."""
    told: str = ""
    """How a format string finds out the decision's ``lane`` and ``rule``; empty: not at all."""
    asks: bool = False
    """Whether its filters ask a service of the policy's own."""
    served: bool = False
    """Whether there is that service."""


def _asks_service(policy: Policy, station: Station, place: _Place) -> Chain:
    return ext_proc_chain(policy, _extproc(station, place))


def _runs_lua(policy: Policy, station: Station, _: _Place) -> Chain:
    return lua_chain(policy, LuaOptions(station=station, metadata=True))


def _runs_wasm(policy: Policy, station: Station, place: _Place) -> Chain:
    module = str(wasm_module())
    options = WasmOptions(station=station, envoy=place.envoy, module=module, metadata=True)
    return wasm_chain(policy, options)


def _runs_natively(policy: Policy, station: Station, _: _Place) -> Chain:
    return native_chain(policy, NativeOptions(station=station)).sound()


def _falls_back(fallback: Fallback) -> _Front:
    def chain(policy: Policy, station: Station, place: _Place) -> Chain:
        module = str(wasm_module()) if fallback == "wasm" else None
        return fallback_chain(policy, _extproc(station, place), fallback, module=module)

    return _Front(chain=chain, asks=True)


_METADATA = "%DYNAMIC_METADATA(colorfast:{})%"

BACKENDS: Mapping[Backend, _Front] = {
    "extproc": _Front(chain=_asks_service, told=_METADATA, asks=True, served=True),
    "lua": _Front(chain=_runs_lua, told=_METADATA),
    "wasm": _Front(chain=_runs_wasm, told="%FILTER_STATE(wasm.colorfast.{}:PLAIN)%"),
    "native": _Front(chain=_runs_natively),
}
"""What ``colorfast test --backend`` runs behind a real Envoy."""


FALLBACKS: Mapping[Fallback, _Front] = {kind: _falls_back(kind) for kind in get_args(Fallback)}
"""The same behind filters that ask a service, and there is none."""


async def observe_in_envoy(
    files: Sequence[VectorFile], backend: Backend, *, as_fallback: bool = False
) -> list[list[Observed] | InvalidInput]:
    """What each vector of each file does behind a real Envoy that has *backend*.

    *as_fallback* puts it behind a service that is dead.

    A file whose policy *backend* cannot express has the reason instead. Raises ColorfastError when
    Envoy cannot be had, dies, or leaves a request without an answer.
    """
    front = BACKENDS[backend] if not as_fallback else FALLBACKS[cast("Fallback", backend)]
    async with _Bench(files, front) as bench:
        return await bench.observe()


class _Bench:
    def __init__(self, files: Sequence[VectorFile], front: _Front) -> None:
        self._files = files
        self._front = front
        self._stack = AsyncExitStack()
        self._seen: dict[int, Lines] = {}
        self._refused: dict[int, InvalidInput] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            enter = stack.enter_context
            # Short, since a socket's path has 107 bytes.
            folder = Path(enter(tempfile.TemporaryDirectory(prefix="colorfast-")))
            envoy = envoy_version()
            self._places = [_Place(folder, index, envoy) for index in range(len(self._files))]
            self._supervisor = await stack.enter_async_context(Supervisor(folder))
            await stack.enter_async_context(_upstream(folder / "upstream", self._seen))
            if self._front.served:
                for file, place in zip(self._files, self._places, strict=True):
                    processor = Processor(Engine(file.policy))
                    await stack.enter_async_context(answering(processor, f"unix:{place.service}"))
            await self._supervisor.guard(
                start_envoy(
                    self._supervisor,
                    "envoy",
                    self._config(folder),
                    file=folder / "envoy.json",
                    admin=folder / "envoy.admin",
                    within=_TIMEOUT,
                )
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def observe(self) -> list[list[Observed] | InvalidInput]:
        """Send every vector, while Envoy lives."""
        return await self._supervisor.guard(self._observe())

    async def _observe(self) -> list[list[Observed] | InvalidInput]:
        gate = asyncio.Semaphore(_AT_ONCE)
        number = iter(range(1 << 30))

        async def one(policy: Policy, place: _Place, vector: VectorModel, mine: int) -> Observed:
            async with gate:
                await _send(place.listener(vector.station), vector, mine)
            lines = self._seen.pop(mine, None)
            if lines is None:
                raise ColorfastError("CF616", f"the vector {vector.name!r} did not arrive")
            return _observed(policy, lines, tells=bool(self._front.told))

        return [
            self._refused.get(place.index)
            or list(
                await asyncio.gather(
                    *(one(file.policy, place, vector, next(number)) for vector in file.vectors)
                )
            )
            for file, place in zip(self._files, self._places, strict=True)
        ]

    def _config(self, folder: Path) -> Json:
        clusters = [cluster("upstream", f"unix:{folder / 'upstream'}")]
        if self._front.asks:
            clusters += [extproc_cluster(_extproc("dye", place)) for place in self._places]
        config = bootstrap(
            admin=f"unix:{folder / 'envoy.admin'}",
            listeners=self._listeners(),
            clusters=clusters,
        )
        # Lanes by their grammar are longer programs than Envoy takes by default.
        layer = {"name": "static", "static_layer": {"re2.max_program_size.error_level": 32768}}
        return config | {"layered_runtime": {"layers": [layer]}}

    def _listeners(self) -> Iterator[Json]:
        for file, place in zip(self._files, self._places, strict=True):
            for station in _STATIONS:
                name = f"{station}-{place.index}"
                try:
                    chain = self._front.chain(file.policy, station, place)
                except InvalidInput as error:
                    self._refused[place.index] = error
                    continue
                host = _host(name, file.policy, self._front.told)
                manager = connection_manager(name, [host], chain)
                _tell_source(manager)
                yield listener(name, f"unix:{place.listener(station)}", manager)


def _extproc(station: Station, place: _Place) -> ExtProcOptions:
    return ExtProcOptions(
        station=station,
        envoy=place.envoy,
        target=f"unix:{place.service}",
        cluster=f"service-{place.index}",
        message_timeout=_TIMEOUT,
        metadata=True,
    )


def _tell_source(manager: Json) -> None:
    """Let a header say the client's address, since the client is on a Unix socket."""
    package = "envoy.extensions.http.original_ip_detection.custom_header.v3"
    manager["typed_config"] |= {
        "original_ip_detection_extensions": [
            {
                "name": "source",
                "typed_config": {
                    "@type": f"type.googleapis.com/{package}.CustomHeaderConfig",
                    "header_name": _SOURCE,
                },
            }
        ],
        "generate_request_id": False,
    }


def _host(name: str, policy: Policy, told: str) -> Json:
    """A route a lane, families by their prefix; the baseline's is the default."""
    routes = []
    for number, pattern in enumerate(policy.lanes.patterns):
        one = route(f"{name}-{number}", "upstream")
        one["match"]["headers"] = [{"name": policy.header, "string_match": _lanes(pattern)}]
        routes.append(_says(one, f"%REQ({policy.header})%" if is_family(pattern) else pattern))
    host = virtual_host(name, [*routes, _says(route(name, "upstream"), policy.baseline)])
    if told:
        host["request_headers_to_add"] = [
            _header(header, told.format(field)) for field, header in _TOLD.items()
        ]
    return host


def _lanes(pattern: str) -> Json:
    if not is_family(pattern):
        return {"exact": pattern}
    return {"safe_regex": {"regex": lanes_regex(pattern)}}


def _says(one: Json, value: str) -> Json:
    return one | {"request_headers_to_add": [_header(_ROUTE, value)]}


def _header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


async def _send(socket: Path, vector: VectorModel, number: int) -> None:
    request = vector.request
    head = [f"{request.method} {request.path} HTTP/1.1", f"host: {request.host}"]
    head += [f"{name}: {value}" for name, value in request.headers]
    head += [f"{_SOURCE}: {request.source_ip}", f"{_NUMBER}: {number}", "connection: close"]
    async with asyncio.timeout(_TIMEOUT):
        reader, writer = await asyncio.open_unix_connection(str(socket))
        try:
            writer.write("\r\n".join([*head, "", ""]).encode())
            status = await reader.readline()
            if status.split()[1:2] != [b"200"]:
                raise ColorfastError(
                    "CF616",
                    f"Envoy answers the vector {vector.name!r} with {status.decode().strip()!r}",
                    why="the request must be one that an HTTP/1.1 client can send",
                )
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _observed(policy: Policy, lines: Lines, *, tells: bool) -> Observed:
    told = {name: value.decode() for name, value in lines if name in _OURS}
    rest = tuple(line for line in lines if line[0] not in _OURS)
    if tells:
        lane = told.get(_TOLD["lane"])
    else:
        # What a hop leaves untouched is no valid lane, so the header tells it at both stations.
        lane = policy.lanes.admit(join_lines(v for name, v in rest if name == policy.header))
    return Observed(
        lane=lane,
        rule=told.get(_TOLD["rule"]),
        rule_known=tells,
        route=told[_ROUTE],
        lines=rest,
    )


@asynccontextmanager
async def _upstream(socket: Path, seen: dict[int, Lines]) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                lines = _parse(await reader.readuntil(b"\r\n\r\n"))
                seen[int(dict(lines)[_NUMBER])] = lines
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_unix_server(answer, str(socket), limit=1 << 20)
    try:
        yield
    finally:
        server.close()


def _parse(head: bytes) -> Lines:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:] if line)
    return tuple((name.decode("latin-1").lower(), value.strip(b" \t")) for name, _, value in pairs)
