"""A broker as a child process: on loopback, in a folder of its own, gone when the block ends."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from colorfast.mesh._supervisor import _tethered
from helpers.processes import alive, descendants, wait_until

LOOPBACK = "127.0.0.1"

READY_WITHIN = 180.0
STOP_WITHIN = 20.0
TRIES = 3


class Ended(Exception):
    """A program ended before it was ready, for instance since its port was taken."""


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    folder: Path,
    ready: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """*command* until the block ends, from when *ready* says yes.

    Its session is its own, the kernel kills it should we die, and what it started ends with it.
    """
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            _tethered(command),
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def is_ready() -> bool:
        if process.poll() is not None:
            raise Ended(f"{name} has ended:\n{log.read_text()[-3000:]}")
        return ready()

    try:
        wait_until(is_ready, f"{name} is ready (see {log})", within=READY_WITHIN)
        yield process
    finally:
        stop(process)


@contextlib.contextmanager
def insisting(start: Callable[[], contextlib.AbstractContextManager[str]]) -> Iterator[str]:
    """What *start* starts, on other ports if it ends at once: free ports are a guess."""
    with contextlib.ExitStack() as stack:
        for left in reversed(range(TRIES)):
            try:
                address = stack.enter_context(start())
                break
            except Ended:
                if not left:
                    raise
        yield address


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for who does not end of it; then nothing of it is left."""
    family = {process.pid, *descendants(process.pid)}
    if process.poll() is None:
        process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_WITHIN)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(STOP_WITHIN)
    wait_until(lambda: not any(map(alive, family)), "all processes end", within=STOP_WITHIN)


def answers(port: int) -> bool:
    """Whether somebody listens on *port*."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
