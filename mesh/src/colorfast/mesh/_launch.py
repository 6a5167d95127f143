"""Starting the programs that a mesh is made of."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from functools import cache
from http import HTTPStatus
from pathlib import Path

from colorfast.envoy import NEWEST, EnvoyVersion, Json
from colorfast.envoy.bootstrap import dump
from colorfast.mesh._errors import missing_program
from colorfast.mesh._http import get
from colorfast.mesh._supervisor import Child, Supervisor


def program(name: str) -> str:
    """The executable *name* of our own environment, else of PATH.

    For ``envoy`` the environment variable ``COLORFAST_ENVOY``, the path of an executable, goes
    first: so another version can be tried. Raises ColorfastError (CF615) when there is none.
    """
    chosen = os.environ.get("COLORFAST_ENVOY") if name == "envoy" else None
    beside_us = str(Path(sys.executable).parent)
    path = os.pathsep.join((beside_us, os.environ.get("PATH", "")))
    found = shutil.which(chosen or name, path=path)
    if found is None:
        raise missing_program(chosen or name)
    return found


def envoy_version() -> EnvoyVersion:
    """The release of the Envoy that ``start_envoy`` runs, as it says itself; else the newest known.

    Raises ColorfastError (CF615) when there is none.
    """
    return _version_of(program("envoy"))


@cache
def _version_of(envoy: str) -> EnvoyVersion:
    command = [envoy, "--version"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    # Revision, version, state of the sources, kind of build, TLS library.
    found = re.search(r"version: [0-9a-f]+/([0-9]+\.[0-9]+)\.", said.stdout)
    return EnvoyVersion.parse(found[1]) if found else NEWEST


async def start_envoy(  # noqa: PLR0913 (who, what, where, how long)
    supervisor: Supervisor, name: str, config: Json, *, file: Path, admin: Path, within: float
) -> Child:
    """Run Envoy with *config*, written to *file*, and wait until its *admin* socket says ready.

    Raises ColorfastError (CF613, CF615).
    """
    file.write_text(dump(config))  # noqa: ASYNC240 (some kilobytes)
    command = [program("envoy"), "--config-path", str(file), "--log-level", "warning"]
    # One worker, and nothing shared with other Envoys of this machine.
    command += ["--concurrency", "1", "--disable-hot-restart"]
    envoy = await supervisor.start(name, command)
    await answers(supervisor, envoy, admin, "/ready", 200, within=within)
    return envoy


async def answers(  # noqa: PLR0913 (who, where, what, how long)
    supervisor: Supervisor, child: Child, socket: Path, path: str, status: int, *, within: float
) -> None:
    """Wait until *child* answers *path* on its *socket* with *status*.

    Raises ColorfastError (CF613).
    """

    async def probe() -> bool:
        return (await get(f"http://localhost{path}", socket=socket)).status == status

    await supervisor.ready(child, probe, within=within)


async def sees(
    supervisor: Supervisor, envoy: Child, admin: Path, clusters: Collection[str], *, within: float
) -> None:
    """Wait until *envoy* has every endpoint of *clusters*, as far as it knows them, for healthy.

    Raises ColorfastError (CF613).
    """

    async def probe() -> bool:
        told = await get("http://localhost/clusters", socket=admin)
        flags = re.findall(r"(?m)^(.+?)::[^:]+:\d+::health_flags::(.*)$", told.text)
        mine = [flag for name, flag in flags if name in clusters]
        return told.status == HTTPStatus.OK and all(flag == "healthy" for flag in mine)

    await supervisor.ready(envoy, probe, within=within)
