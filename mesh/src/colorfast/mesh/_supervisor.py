"""Child processes that never outlive us and never die unnoticed.

Theory of operation. Each child leads a session of its own, so that Ctrl-C in a terminal reaches us
alone and we stop the children in good order. On Linux the kernel kills them when we die, whatever
kills us. A task waits for each child: one that ends without being asked to ends the mesh, with its
last words. Every wait has a bound.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from colorfast.mesh._errors import not_ready, process_died

T = TypeVar("T")

_POLL = 0.05
"""Seconds between two looks at whether a child is ready."""

_TERM_GRACE = 3.0
"""Seconds that a child has to end after SIGTERM."""

_TETHER = Path(__file__).with_name("_tether.py")


@dataclass(eq=False, slots=True, kw_only=True)
class Child:
    """A process that a Supervisor has started."""

    name: str
    log: Path
    process: asyncio.subprocess.Process
    stopping: bool = False
    """Whether its end is wanted."""


class Supervisor:
    """Starts, watches and stops children; use it as an asynchronous context manager.

    *logs* is the folder for the children's output, one file a child.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[Child, asyncio.Task[None]] = {}
        self._death: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        stopping = asyncio.ensure_future(self.stop(*self._children))
        while not stopping.done():
            # Not even a second Ctrl-C may leave a child behind; stopping has a bound of its own.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(stopping)

    async def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> Child:
        """Run *command*; *env* comes on top of our own environment."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *_tethered(command),
                env={**os.environ, **(env or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        child = Child(name=name, log=log, process=process)
        self._children[child] = asyncio.create_task(self._watch(child))
        return child

    async def ready(
        self, child: Child, probe: Callable[[], Awaitable[bool]], *, within: float
    ) -> None:
        """Wait until *probe* says yes. Raises ColorfastError (CF613) after *within* seconds."""
        try:
            async with asyncio.timeout(within):
                while not await probe():  # noqa: ASYNC110 (another process sets no event)
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise not_ready(child.name, within, child.log) from None

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do *work* while all children live. Raises ColorfastError (CF612) when one dies."""
        task = asyncio.ensure_future(work)
        either: set[asyncio.Future[Any]] = {task, self._death}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not self._death.done():
                return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        raise self._death.result()

    async def stop(self, *children: Child, grace: float = _TERM_GRACE) -> None:
        """End *children*: SIGTERM, and SIGKILL for those that live *grace* seconds later."""
        for child in children:
            child.stopping = True
            _signal(child, signal.SIGTERM)
        watchers = [self._children[child] for child in children]
        if watchers and grace > 0:
            await asyncio.wait(watchers, timeout=grace)
        for child in children:
            _signal(child, signal.SIGKILL)
        await asyncio.gather(*watchers)
        for child in children:
            self._children.pop(child, None)

    async def _watch(self, child: Child) -> None:
        status = await child.process.wait()
        if not child.stopping and not self._death.done():
            self._death.set_result(process_died(child.name, status, child.log))


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process.returncode is None:
        # To the whole group, for it may have children; gone is as good as stopped.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, number)


def _tethered(command: Sequence[str]) -> list[str]:
    """*command*, made to die with us where the kernel can do that."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *command]
