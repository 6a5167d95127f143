"""What is measured, running: one Envoy, our service, the peer."""

import json
import re
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

from benchmarks._config import OURS, PEER, PLAIN, config
from benchmarks._cpu import Cores, pinned
from benchmarks._echo import echo_upstream
from colorfast.envoy.bootstrap import dump
from colorfast.mesh import Child, Supervisor, program
from colorfast.policy import ColorfastError, load_policy

T = TypeVar("T")

POLICY = Path(__file__).parent / "ten-rules.yaml"

_READY = re.compile(
    r"serving (?:policy .*|with (?P<version>.*)) on (?P<address>127\.0\.0\.1:[0-9]+)$", re.MULTILINE
)
"""What both services say when they serve; the peer also says what it runs on."""

_WITHIN = 60.0
"""Seconds that a process may take to be ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A listener, and the process id of the service behind it if there is one."""

    name: str
    port: int
    service: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How to run the peer."""

    command: Sequence[str]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """Everything that runs."""

    rows: tuple[Row, ...]
    envoy: int
    """Process id."""
    envoy_version: str
    cores: Cores
    folder: Path
    peer_failed: str
    """Why the peer did not start; empty when it did or was not wanted."""
    versions: Mapping[str, str]
    """What a service says that it runs on, by its row's name."""
    supervisors: tuple[Supervisor, ...]

    @property
    def pids(self) -> tuple[int, ...]:
        """Envoy and the services."""
        return (self.envoy, *(row.service for row in self.rows if row.service is not None))

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do *work* while all processes live. Raises ColorfastError when one dies."""
        for supervisor in self.supervisors:
            work = supervisor.guard(work)
        return await work


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    pid: int
    address: str
    version: str


@asynccontextmanager
async def running(peer: Peer | None) -> AsyncIterator[Rig]:
    """The rig, for as long as the block lasts; with *peer* unless it does not start.

    Raises ColorfastError when Envoy or our own service cannot be had.
    """
    cores, peer_failed = Cores.choose(), ""
    async with AsyncExitStack() as stack:
        # Short, since a socket's path has 107 bytes.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="colorfast-")))
        supervisors = [await stack.enter_async_context(Supervisor(folder))]
        services = {OURS: await _start(supervisors[0], OURS, _serve(), {}, cores)}
        if peer is not None:
            try:
                aside, services[PEER] = await _start_peer(peer, folder, cores, stack)
                supervisors.append(aside)
            except ColorfastError as error:
                peer_failed = str(error)
        await stack.enter_async_context(echo_upstream(folder / "echo"))
        envoy, told = await _start_envoy(supervisors[0], services, folder, cores)
        yield Rig(
            rows=_rows(told["listeners"], services),
            envoy=envoy,
            envoy_version=told["server_info"]["version"].split("/")[1],
            cores=cores,
            folder=folder,
            peer_failed=peer_failed,
            versions={name: service.version for name, service in services.items()},
            supervisors=tuple(supervisors),
        )


async def _start_peer(
    peer: Peer, folder: Path, cores: Cores, stack: AsyncExitStack
) -> tuple[Supervisor, _Service]:
    """Under a supervisor of its own: when it does not start, the others are measured all the same.

    Raises ColorfastError then, and stops what there is of it.
    """
    async with AsyncExitStack() as own:
        supervisor = await own.enter_async_context(Supervisor(folder))
        service = await _start(supervisor, PEER, peer.command, peer.env, cores)
        stack.push_async_exit(own.pop_all())
    return supervisor, service


def _serve() -> list[str]:
    # As an operator starts it, so with uvloop where there is uvloop.
    listen = ["--listen", "127.0.0.1:0", "--admin", "none", "--drain-delay", "0", "--grace", "1"]
    return [program("colorfast"), "serve", "--policy", str(POLICY), *listen]


async def _start(
    supervisor: Supervisor,
    name: str,
    command: Sequence[str],
    env: Mapping[str, str],
    cores: Cores,
) -> _Service:
    with pinned(cores.service):
        child = await supervisor.start(name, command, env=env)

    async def serves() -> bool:
        return _ready_line(child) is not None

    await supervisor.guard(supervisor.ready(child, serves, within=_WITHIN))
    line = _ready_line(child)
    assert line is not None
    return _Service(pid=child.process.pid, address=line["address"], version=line["version"] or "")


def _ready_line(child: Child) -> re.Match[str] | None:
    return _READY.search(child.log.read_text(errors="replace"))


async def _start_envoy(
    supervisor: Supervisor, services: Mapping[str, _Service], folder: Path, cores: Cores
) -> tuple[int, dict[str, Any]]:
    """Its process id, and what its admin endpoint tells, as JSON by path."""
    admin, file = folder / "admin", folder / "envoy.json"
    addresses = {name: service.address for name, service in services.items()}
    policy = load_policy(POLICY.read_text(), file=POLICY.name).policy
    file.write_text(dump(config(policy, addresses, admin=admin, echo=folder / "echo")))
    command = [program("envoy"), "--config-path", str(file), "--log-level", "warning"]
    with pinned(cores.envoy):
        child = await supervisor.start(
            "envoy", [*command, "--concurrency", "1", "--disable-hot-restart"]
        )

    async def ready() -> bool:
        return (await _get(admin, "ready")).strip() == "LIVE"

    await supervisor.guard(supervisor.ready(child, ready, within=_WITHIN))
    paths = {"listeners": "listeners?format=json", "server_info": "server_info"}
    told = {name: json.loads(await _get(admin, path)) for name, path in paths.items()}
    return child.process.pid, told


async def _get(socket: Path, path: str) -> str:
    """What the admin endpoint answers; empty when it does not."""
    connector, timeout = UnixConnector(str(socket)), ClientTimeout(total=5)
    try:
        async with (
            ClientSession(connector=connector, timeout=timeout) as session,
            session.get(f"http://localhost/{path}") as response,
        ):
            return await response.text()
    except (ClientError, OSError):
        return ""


def _rows(listeners: Mapping[str, Any], services: Mapping[str, _Service]) -> tuple[Row, ...]:
    ports = {
        one["name"]: one["local_address"]["socket_address"]["port_value"]
        for one in listeners["listener_statuses"]
    }
    pids = {name: service.pid for name, service in services.items()}
    names = (PLAIN, *services)
    return tuple(Row(name=name, port=ports[name], service=pids.get(name)) for name in names)
