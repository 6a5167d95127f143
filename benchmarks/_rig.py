"""What a part of the ext_proc benchmark measures, running: one Envoy, and each server."""

import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks._config import TIMEOUT, bare_filter, row_listener, service_cluster
from benchmarks._cpu import Cores
from benchmarks._echo import echo_upstream
from benchmarks._names import COMPILED, NONE, SERVERS
from benchmarks._parts import Cell, Part, with_rows
from benchmarks._processes import (
    ADMIN,
    Launch,
    Service,
    envoy_version,
    listener_ports,
    start_envoy,
    start_service,
)
from benchmarks._request import AGAIN, DISTINCT, SHAPES
from benchmarks._sampling import Case
from benchmarks._servers import POLICY
from benchmarks._text import brief
from colorfast.envoy import Chain, ExtProcOptions, Json, ext_proc_chain
from colorfast.envoy.bootstrap import NO_CHAIN, bootstrap, cluster
from colorfast.mesh import Supervisor
from colorfast.policy import ColorfastError, Policy, load_policy

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """Everything that runs."""

    part: Part
    """With the rows whose server runs."""
    cases: tuple[Case[Cell], ...]
    services: Mapping[str, Service]
    """By server."""
    failed: Mapping[str, str]
    """Why a server does not run, by server."""
    envoy: int
    """Process id."""
    envoy_version: str
    cores: Cores
    folder: Path
    supervisors: tuple[Supervisor, ...]

    @property
    def listeners(self) -> dict[str, tuple[str, int]]:
        """Row and port of each listener, by its name."""
        return {
            listener_name(case.key.row, forward=case.key.forward): (case.key.row, case.port)
            for case in self.cases
        }

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do *work* while all processes live. Raises ColorfastError when one dies."""
        for supervisor in self.supervisors:
            work = supervisor.guard(work)
        return await work


@asynccontextmanager
async def running(part: Part, launches: Mapping[str, Launch]) -> AsyncIterator[Rig]:
    """The rig of those servers of *part* that *launches* has, for as long as the block lasts.

    A server that does not start is left out. Raises ColorfastError when Envoy cannot be had.
    """
    cores = Cores() if part.free else Cores.choose(each=part.workers)
    async with AsyncExitStack() as stack:
        # Short, since a socket's path has 107 bytes.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="colorfast-")))
        crew = Crew(stack, folder, cores)
        wanted = {name: launches[name] for name in part.servers if name in launches}
        await crew.start(wanted)
        here = [row for row in part.rows if row == NONE or SERVERS[row] in crew.services]
        part = with_rows(part, here)
        await stack.enter_async_context(echo_upstream(folder / "echo"))
        supervisor = await stack.enter_async_context(Supervisor(folder))
        envoy, told = await start_envoy(
            supervisor,
            _config(part, crew.services, folder),
            folder,
            cores.envoy,
            workers=part.workers,
        )
        ports = listener_ports(told)
        yield Rig(
            part=part,
            cases=tuple(_case(cell, ports, crew.services) for cell in part.cells),
            services=crew.services,
            failed=crew.failed,
            envoy=envoy,
            envoy_version=envoy_version(told),
            cores=cores,
            folder=folder,
            supervisors=(supervisor, *crew.supervisors),
        )


class Crew:
    """Servers, each under a supervisor of its own: one that does not start stops no other."""

    def __init__(self, stack: AsyncExitStack, folder: Path, cores: Cores) -> None:
        self._stack = stack
        self._folder = folder
        self._cores = cores
        self.services: dict[str, Service] = {}
        self.failed: dict[str, str] = {}
        self.supervisors: list[Supervisor] = []

    async def start(self, launches: Mapping[str, Launch]) -> None:
        for number, (name, launch) in enumerate(launches.items()):
            async with AsyncExitStack() as own:
                supervisor = await own.enter_async_context(Supervisor(self._folder))
                try:
                    # The name is a file's, too.
                    service = await start_service(
                        supervisor, f"server-{number}", launch, self._cores.service
                    )
                except ColorfastError as error:
                    self.failed[name] = brief(error)
                    continue
                self.services[name] = service
                self.supervisors.append(supervisor)
                self._stack.push_async_exit(own.pop_all())


def listener_name(row: str, *, forward: bool) -> str:
    return f"{row}, forward_rules" if forward else row


def _case(cell: Cell, ports: Mapping[str, int], services: Mapping[str, Service]) -> Case[Cell]:
    server = SERVERS.get(cell.row)
    return Case(
        key=cell,
        port=ports[listener_name(cell.row, forward=cell.forward)],
        service=None if server is None else services[server].pid,
        connections=cell.connections,
        headers=SHAPES[cell.shape],
        paths=1 if cell.shape == AGAIN else DISTINCT,
    )


def _config(part: Part, services: Mapping[str, Service], folder: Path) -> Json:
    policy = load_policy(POLICY.read_text(), file=POLICY.name).policy
    options = {
        name: ExtProcOptions(cluster=name, target=one.addresses[0], message_timeout=TIMEOUT)
        for name, one in services.items()
    }
    listeners = [
        row_listener(
            listener_name(row, forward=forward),
            NO_CHAIN if row == NONE else _chain(row, policy, options[SERVERS[row]], forward),
            policy.header,
            otherwise=200 if row == NONE else 500,
        )
        for forward in part.forwards
        for row in part.rows
    ]
    clusters = [cluster("echo", f"unix:{folder / 'echo'}")]
    clusters += [service_cluster(options[name], one.addresses) for name, one in services.items()]
    return bootstrap(admin=f"unix:{folder / ADMIN}", listeners=listeners, clusters=clusters)


def _chain(row: str, policy: Policy, options: ExtProcOptions, forward: bool) -> Chain:
    if row == COMPILED:
        return ext_proc_chain(policy, options)
    return bare_filter(policy, options, forward_rules=forward)
