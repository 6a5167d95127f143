"""What the backends' benchmark measures, running: one Envoy with a listener a row, our services."""

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks._backend_policies import policy_text
from benchmarks._backend_rows import EMPTY, Wanted, asking, wanted
from benchmarks._config import TIMEOUT, row_listener
from benchmarks._cpu import Cores
from benchmarks._echo import echo_upstream
from benchmarks._options import Options
from benchmarks._processes import (
    ADMIN,
    Launch,
    envoy_version,
    listener_ports,
    serve_command,
    start_envoy,
    start_service,
)
from benchmarks._request import Headers, send
from benchmarks._sampling import Case
from colorfast.envoy import ExtProcOptions, Json, extproc_cluster
from colorfast.envoy.bootstrap import bootstrap, cluster
from colorfast.mesh import Supervisor

LANE_HEADER = "x-lane"

_RUNTIME = {"re2.max_program_size.error_level": 32_768}
"""As Istio's proxies have it; some native chains do not load without."""

_CONNECTIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRig:
    """Everything that runs."""

    rows: tuple[Wanted, ...]
    cases: tuple[Case[str], ...]
    envoy: int
    """Process id."""
    envoy_version: str
    cores: Cores
    folder: Path
    supervisor: Supervisor


@asynccontextmanager
async def running(sizes: Sequence[int], options: Options) -> AsyncIterator[BackendRig]:
    """The rig, for as long as the block lasts.

    Raises ColorfastError when something does not start or does not take a policy.
    """
    cores = Cores.choose()
    async with AsyncExitStack() as stack:
        # Short, since a socket's path has 107 bytes.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="colorfast-")))
        supervisor = await stack.enter_async_context(Supervisor(folder))
        rows = _chosen(wanted(sizes), options)
        asked, services = await _asked(sizes, options, supervisor, folder, cores)
        rows += asked
        await stack.enter_async_context(echo_upstream(folder / "echo"))
        config = _config(rows, services, folder)
        envoy, told = await start_envoy(supervisor, config, folder, cores.envoy)
        ports = listener_ports(told)
        pids = {rules: pid for rules, (_, pid) in services.items()}
        cases = tuple(_case(row, ports[row.name], pids) for row in rows)
        yield BackendRig(
            rows=tuple(rows),
            cases=cases,
            envoy=envoy,
            envoy_version=envoy_version(told),
            cores=cores,
            folder=folder,
            supervisor=supervisor,
        )


def _case(row: Wanted, port: int, pids: Mapping[int, int]) -> Case[str]:
    return Case(
        key=row.name,
        port=port,
        service=None if row.rules is None else pids[row.rules],
        connections=_CONNECTIONS,
        headers=row.headers,
    )


def _chosen(rows: Sequence[Wanted], options: Options) -> list[Wanted]:
    """Those that the command line wants, and the empty ones, for all are compared with them."""
    return [row for row in rows if row.name in EMPTY.values() or options.wants_row(row.name)]


async def _asked(
    sizes: Sequence[int],
    options: Options,
    supervisor: Supervisor,
    folder: Path,
    cores: Cores,
) -> tuple[list[Wanted], dict[int, tuple[ExtProcOptions, int]]]:
    """The rows of ext_proc, and the services that they need: a cluster and a process id each."""
    rows: list[Wanted] = []
    services: dict[int, tuple[ExtProcOptions, int]] = {}
    for size in sizes:
        name, file = f"ext_proc-{size}", folder / f"rules-{size}.yaml"
        dyeing = ExtProcOptions(cluster=name, message_timeout=TIMEOUT)
        carrying = replace(dyeing, station="carry")
        wanted_here = [asking(size, dyeing)]
        if size == min(sizes):
            wanted_here.append(asking(size, carrying))
        if not (chosen := _chosen(wanted_here, options)):
            continue
        file.write_text(policy_text(size))
        launch = Launch(command=serve_command(file), env={})
        service = await start_service(supervisor, name, launch, cores.service)
        services[size] = replace(dyeing, target=service.addresses[0]), service.pid
        rows += chosen
    return rows, services


def _config(
    rows: Sequence[Wanted], services: Mapping[int, tuple[ExtProcOptions, int]], folder: Path
) -> Json:
    listeners = [
        row_listener(row.name, row.chain, LANE_HEADER, otherwise=500 if row.dyes else 200)
        for row in rows
    ]
    clusters = [extproc_cluster(options) for options, _ in services.values()]
    return config_of(listeners, [cluster("echo", f"unix:{folder / 'echo'}"), *clusters], folder)


def config_of(listeners: Sequence[Json], clusters: Sequence[Json], folder: Path) -> Json:
    """A whole configuration."""
    config = bootstrap(admin=f"unix:{folder / ADMIN}", listeners=listeners, clusters=clusters)
    return config | {"layered_runtime": {"layers": [{"name": "static", "static_layer": _RUNTIME}]}}


async def why_wrong(port: int, row: Wanted) -> str:
    """How *row* does not do what it is to be measured at; empty when all is well."""
    if (status := await _status(port, row.headers)) != 200:
        return f"its request is answered with {status}: it was not dyed canary"
    if row.dyes:
        decisive = "baggage" if row.kind == "carry" else "agent"
        other = tuple(pair for pair in row.headers if pair[0] != decisive)
        if (status := await _status(port, other)) != 500:
            return f"a request that nothing matches is answered with {status}: it was dyed"
    return ""


async def _status(port: int, headers: Headers) -> int:
    return (await send(port, "/", headers))[0]
