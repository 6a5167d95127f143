"""A mesh that runs: real Envoys, real applications, the real service, all on loopback."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from colorfast.envoy import Json
from colorfast.mesh._apps import command_of, environment_of
from colorfast.mesh._configs import Plan
from colorfast.mesh._launch import answers, envoy_version, sees, start_envoy
from colorfast.mesh._layout import GATEWAY, SERVICE, Layout
from colorfast.mesh._ports import LOOPBACK, Ports
from colorfast.mesh._supervisor import Child, Supervisor
from colorfast.policy import Mesh, Policy, Workload, check_fit, load_policy

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. The defaults suit a busy laptop."""

    ready: float = 60.0
    """How long the processes may take to answer."""
    message: float = 2.0
    """How long Envoy waits for the service, per request and hop."""


class RunningMesh:
    """Handles on a mesh that runs; ``running_mesh`` makes one."""

    def __init__(
        self, *, plan: Plan, policy_file: Path, supervisor: Supervisor, timing: Timing
    ) -> None:
        self.mesh = plan.mesh
        self.policy = plan.policy
        self.layout = plan.layout
        self.plan = plan
        """What configuration is made from; another one is for what is started from now on."""
        self.service: Child | None = None
        self.envoys: dict[str, Child] = {}
        """The gateway's Envoy and each sidecar, by the name of gateway or workload."""
        self._apps: dict[str, Child] = {}
        self._policy_file = policy_file
        self._supervisor = supervisor
        self._timing = timing

    @property
    def url(self) -> str:
        """Where the gateway listens."""
        return f"http://{LOOPBACK}:{self.layout.gateway}"

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.layout.folder / "logs"

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do *work* while every process lives. Raises ColorfastError (CF612) when one dies."""
        return await self._supervisor.guard(work)

    async def start_service(self) -> None:
        """Start the ext_proc service, and wait until it is ready."""
        command = [sys.executable, "-m", "colorfast.mesh._service"]
        command += [str(self._policy_file), str(self.layout.service)]
        command += [str(self.layout.admin(SERVICE))]
        self.service = await self._supervisor.start(SERVICE, command)
        await self._answers(self.service, self.layout.admin(SERVICE), "/readyz", 200)

    async def kill_service(self) -> None:
        """Kill the ext_proc service as a crash would; requests pass undyed from now on."""
        if self.service is not None:
            await self._supervisor.stop(self.service, grace=0)
            self.service = None

    async def kill_workload(self, name: str) -> None:
        """Kill a workload's Envoy as a crash would: nothing of it answers from now on."""
        await self._supervisor.stop(self.envoys.pop(name), grace=0)

    async def start(self, workloads: Iterable[Workload] | None = None) -> None:
        """Start everything at once, and wait until all of it is ready.

        With *workloads* only these of the mesh; the others can be started later.
        """
        chosen = self.mesh.workloads if workloads is None else tuple(workloads)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.start_service())
            group.create_task(self._start_envoy(GATEWAY, self.plan.gateway()))
            self._start_each(group, chosen)
        await self._seen(chosen)

    async def start_workloads(self, workloads: Iterable[Workload]) -> None:
        """Start the Envoys and the applications of *workloads*, and wait until they are ready."""
        chosen = tuple(workloads)
        async with asyncio.TaskGroup() as group:
            self._start_each(group, chosen)
        await self._seen(chosen)

    async def stop_workloads(self, workloads: Iterable[Workload]) -> None:
        """Stop *workloads* as a cluster stops pods: nobody is asked whether they are idle."""
        names = [workload.name for workload in workloads]
        found = [group.pop(name) for name in names for group in (self.envoys, self._apps)]
        await self._supervisor.stop(*found)

    def _start_each(self, group: asyncio.TaskGroup, workloads: Iterable[Workload]) -> None:
        for workload in workloads:
            group.create_task(self._start_envoy(workload.name, self.plan.sidecar(workload)))
            group.create_task(self._start_app(workload))

    async def _seen(self, workloads: Iterable[Workload]) -> None:
        """Wait until nobody takes *workloads* for gone: Envoy looks once a second, if it does."""
        if self.mesh.fallback != "endpoints":
            return
        names = {workload.name for workload in workloads}
        async with asyncio.TaskGroup() as group:
            for name, envoy in self.envoys.items():
                admin, within = self.layout.admin(name), self._timing.ready
                group.create_task(sees(self._supervisor, envoy, admin, names, within=within))

    async def _start_envoy(self, name: str, config: Json) -> None:
        self.envoys[name] = await start_envoy(
            self._supervisor,
            name,
            config,
            file=self.layout.config(name),
            admin=self.layout.admin(name),
            within=self._timing.ready,
        )

    async def _start_app(self, workload: Workload) -> None:
        env = environment_of(self.plan, workload)
        app = await self._supervisor.start(f"{workload.name}.app", command_of(workload), env=env)
        self._apps[workload.name] = app
        # A page that it does not have: this must not call the other services.
        await self._answers(app, self.layout.app(workload), "/ready", 404)

    async def _answers(self, child: Child, socket: Path, path: str, status: int) -> None:
        within = self._timing.ready
        await answers(self._supervisor, child, socket, path, status, within=within)


@contextlib.asynccontextmanager
async def running_mesh(
    mesh: Mesh,
    policy_file: Path,
    *,
    port: int = 0,
    timing: Timing | None = None,
    keep: bool = False,
) -> AsyncIterator[RunningMesh]:
    """Run *mesh* with the policy in *policy_file*, and stop it in the end, whatever happens.

    The gateway listens on *port*, or on a free one for 0. *keep* leaves configuration and logs
    behind. The service follows changes of *policy_file*. Raises ColorfastError (CF611 to CF615),
    or InvalidInput when the policy cannot be used, or not in this mesh.
    """
    policy = read_policy(policy_file)
    check_fit(policy, mesh)

    def plan(layout: Layout, message: float) -> Plan:
        envoy = envoy_version()
        return Plan(mesh=mesh, policy=policy, layout=layout, message_timeout=message, envoy=envoy)

    async with prepared_mesh(
        mesh, policy_file, plan, port=port, timing=timing, keep=keep
    ) as running:
        await running.guard(unwrapped(running.start()))
        yield running


@contextlib.asynccontextmanager
async def prepared_mesh(  # noqa: PLR0913 (what, how, where, how long)
    mesh: Mesh,
    policy_file: Path,
    plan: Callable[[Layout, float], Plan],
    *,
    port: int = 0,
    timing: Timing | None = None,
    keep: bool = False,
) -> AsyncIterator[RunningMesh]:
    """A mesh of which nothing runs yet; *plan* makes its configuration.

    *plan* gets where everything is, and how long Envoy waits for the service. In the end all that
    was started is stopped. Raises ColorfastError (CF611).
    """
    timing = timing or Timing()
    with Ports() as ports, _folder(keep=keep) as folder:
        layout = _layout(mesh, folder, ports, port)
        async with Supervisor(folder / "logs") as supervisor:
            running = RunningMesh(
                plan=plan(layout, timing.message),
                policy_file=policy_file,
                supervisor=supervisor,
                timing=timing,
            )
            ports.hand_over()
            yield running


def read_policy(path: Path) -> Policy:
    """The policy in a file. Raises InvalidInput."""
    return load_policy(path.read_text(encoding="utf-8"), file=str(path)).policy


def _layout(mesh: Mesh, folder: Path, ports: Ports, port: int) -> Layout:
    for name in ("config", "logs"):
        (folder / name).mkdir()
    names = [workload.name for workload in mesh.workloads]
    return Layout(
        folder=folder,
        gateway=ports.reserve(port),
        inbound={name: ports.reserve() for name in names},
        outbound={name: ports.reserve() for name in names},
    )


@contextlib.contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="colorfast-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


async def unwrapped(work: Coroutine[Any, Any, None]) -> None:
    """Raise the first of a group of errors: one cause is enough, the others follow from it."""
    try:
        await work
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
