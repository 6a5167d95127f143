"""What the tests of this room share: workers in processes, and clients that ask them."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
from extproc.support import DEADLINE, PC, ask, message, written

from colorfast.extproc import Settings, Workers
from colorfast.extproc._workers import working
from helpers import policies
from helpers.envoys import get
from helpers.processes import descendants
from helpers.services import Service, running_service

REQUEST = message([("agent", b"pc")])


@contextmanager
def serving(folder: Path, *options: str, workers: int = 2) -> Iterator[Service]:
    """``colorfast serve --workers`` on Unix sockets in *folder*."""
    with running_service(folder, policies.file(PC), "--workers", str(workers), *options) as one:
        yield one


def worker_pids(service: Service) -> list[int]:
    """The workers of *service* that run now."""
    return sorted(descendants(service.pid))


def states(service: Service) -> list[str]:
    return [worker["state"] for worker in service.shown()["workers"]]


def restarts(service: Service) -> int:
    return sum(worker["restarts"] for worker in service.shown()["workers"])


async def dyed(target: str, times: int = 1) -> None:
    """See that whoever listens at *target* dyes *times* requests."""
    async with grpc.aio.insecure_channel(target) as channel:
        for _ in range(times):
            assert written(await ask(channel, REQUEST))[0]["x-lane"] == b"canary"


def dye(target: str, times: int = 1) -> None:
    asyncio.run(asyncio.wait_for(dyed(target, times), DEADLINE))


@asynccontextmanager
async def supervised(folder: Path, **settings: Any) -> AsyncIterator[Workers]:
    """Workers whose parent is this process, once they serve; drained in the end."""
    file = folder / "policy.yaml"
    file.write_text(policies.file(PC))
    chosen: dict[str, Any] = {"policy": str(file), "workers": 2, "drain_delay": 0.0}
    chosen |= {"listen": f"unix:{folder}/ep", "admin": None}
    started = asyncio.Event()
    async with working(Settings(**(chosen | settings)), lambda _: started.set()) as workers:
        task = asyncio.create_task(workers.run())
        waiting = asyncio.create_task(started.wait())
        try:
            async with asyncio.timeout(DEADLINE):
                await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield workers
        finally:
            waiting.cancel()
            workers.drain()
            async with asyncio.timeout(DEADLINE):
                await asyncio.gather(task, return_exceptions=True)


def metrics(path: str) -> dict[str, float]:
    """The samples of the admin endpoint at the Unix socket *path*."""
    text = get(path, "/metrics")[1]
    return {name: float(value) for name, value in re.findall(r"(?m)^([^#\n]+) (\S+)$", text)}
