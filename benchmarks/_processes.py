"""The processes that are measured: services, and one Envoy."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

from benchmarks._cpu import pinned
from colorfast.envoy import Json
from colorfast.envoy.bootstrap import dump
from colorfast.mesh import Child, Supervisor, program

ADMIN = "admin"
"""The file name of Envoy's admin socket."""

_READY = re.compile(
    r"serving (?:policy .*|with (?P<version>.*)) on (?P<addresses>127\.0\.0\.1:[0-9]+.*)$",
    re.MULTILINE,
)
"""What every service says when it serves; peers also say what they run on."""

_ADDRESS = re.compile(r"127\.0\.0\.1:[0-9]+")

_WITHIN = 60.0
"""Seconds that a process may take to be ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to run a service."""

    command: Sequence[str]
    env: Mapping[str, str]
    version: str = ""
    """What it runs on, when it does not say so itself."""
    addresses: int = 1
    """How many it is going to listen on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One that serves."""

    pid: int
    addresses: tuple[str, ...]
    version: str


def serve_command(policy: Path, *options: str) -> list[str]:
    """Starts our service."""
    # As an operator starts it, so with uvloop where there is uvloop.
    listen = ["--listen", "127.0.0.1:0", "--admin", "none", "--drain-delay", "0", "--grace", "1"]
    return [program("colorfast"), "serve", "--policy", str(policy), *listen, *options]


async def start_service(
    supervisor: Supervisor, name: str, launch: Launch, cores: Sequence[int]
) -> Service:
    """Raises ColorfastError when it does not serve in time."""
    child = await supervisor.start(name, pinned(cores, launch.command), env=launch.env)

    async def serves() -> bool:
        return len(_addresses(child)) >= launch.addresses

    await supervisor.guard(supervisor.ready(child, serves, within=_WITHIN))
    line = _READY.search(_log(child))
    assert line is not None
    return Service(
        pid=child.process.pid,
        addresses=_addresses(child),
        version=launch.version or line["version"] or "",
    )


def _addresses(child: Child) -> tuple[str, ...]:
    lines = _READY.finditer(_log(child))
    found = (one for line in lines for one in _ADDRESS.findall(line["addresses"]))
    return tuple(dict.fromkeys(found))


def _log(child: Child) -> str:
    return child.log.read_text(errors="replace")


async def start_envoy(
    supervisor: Supervisor,
    configuration: Json,
    folder: Path,
    cores: Sequence[int],
    *,
    workers: int = 1,
) -> tuple[int, dict[str, Any]]:
    """Its process id, and what its admin endpoint tells, as JSON by path.

    That is the socket ``ADMIN`` in *folder*. Raises ColorfastError when it is not live in time.
    """
    admin, file = folder / ADMIN, folder / "envoy.json"
    file.write_text(dump(configuration))
    command = [program("envoy"), "--config-path", str(file), "--log-level", "warning"]
    command += ["--concurrency", str(workers), "--disable-hot-restart"]
    child = await supervisor.start("envoy", pinned(cores, command))

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


def envoy_version(told: Mapping[str, Any]) -> str:
    """From what ``start_envoy`` was told."""
    version: str = told["server_info"]["version"].split("/")[1]
    return version


def listener_ports(told: Mapping[str, Any]) -> dict[str, int]:
    """By the listener's name, from what ``start_envoy`` was told."""
    return {
        one["name"]: one["local_address"]["socket_address"]["port_value"]
        for one in told["listeners"]["listener_statuses"]
    }
