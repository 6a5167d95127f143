"""A worker: the service in a process of its own, told by its parent what to do.

``python -m colorfast.extproc._worker FD`` is what the parent runs; FD is its end of a socket pair.
The parent alone says when to hurry. A signal only says what to do, however often it comes: a
terminal and systemd send the same one to the parent and to every worker.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from colorfast.extproc._control import (
    MAX_LINE,
    Command,
    Failed,
    Message,
    Order,
    Ready,
    Report,
    write,
)
from colorfast.extproc._logs import logging_to_stderr
from colorfast.extproc._loop import loop_factory
from colorfast.extproc._metrics import registry
from colorfast.extproc._server import Running, running
from colorfast.extproc._shown import policy_json
from colorfast.extproc._sums import families
from colorfast.policy import ColorfastError

REPORT_EVERY: Final = 1.0
"""Seconds between two reports that nobody asked for: what is lost when a worker is killed."""

MAX_UNREAD: Final = 1 << 20
"""Bytes that a parent which does not read may leave; reports are left out above it."""

_FAREWELL = 2.0
"""Seconds that a parent may take to read the last report."""


class _Parent:
    """The worker's end of the socket pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def order(self) -> Order:
        return Order.parse(await self._reader.readline())

    async def command(self) -> Command | None:
        """The next command; None when there is no parent any more."""
        with suppress(OSError):
            if line := await self._reader.readline():
                return Command.parse(line)
        return None

    def tell(self, message: Message) -> None:
        if self._writer.transport.get_write_buffer_size() < MAX_UNREAD:
            self._writer.write(write(message))

    async def farewell(self) -> None:
        """See that what was told goes out; a parent that is gone need not be told."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                self._writer.close()
                await self._writer.wait_closed()


class _Work:
    """A service that runs, and its parent."""

    def __init__(self, service: Running, parent: _Parent) -> None:
        self._service = service
        self._parent = parent
        self._metrics = registry(service.processor, service.watcher, service.guard)
        self._told: bytes | None = None
        self.stop = asyncio.Event()

    def report(self, number: int = 0) -> None:
        state = self._service.watcher.state
        news = None if state.refusal or state.seen == self._told else state.seen
        self._told = news or self._told
        self._parent.tell(
            Report(
                number=number,
                shown=policy_json(state, self._service.processor),
                metrics=families(self._metrics),
                policy=news.decode() if news else None,
            )
        )

    async def report_on(self) -> None:
        while True:
            self.report()
            await asyncio.sleep(REPORT_EVERY)

    async def obey(self) -> None:
        """Do what the parent says, until it is gone; then end at once."""
        while command := await self._parent.command():
            match command.verb:
                case "report":
                    self.report(command.number)
                case "reload":
                    self._service.reload()
                case "drain":
                    self.stop.set()
                case "hurry":
                    break
        self._service.hurry()
        self.stop.set()


async def work(channel: socket.socket) -> int:
    """Do what the parent at the other end of *channel* orders; the exit status."""
    parent = _Parent(*await asyncio.open_connection(sock=channel, limit=MAX_LINE))
    order = await parent.order()
    with logging_to_stderr(order.settings.log_format, worker=order.worker):
        try:
            # What the others serve, if there are others: the source's may be broken by now.
            async with running(order.settings, order.policy) as service:
                await _serve(service, parent)
        except ColorfastError as error:
            parent.tell(Failed(error=error))
            return 1
        finally:
            await parent.farewell()
    return 0


async def _serve(service: Running, parent: _Parent) -> None:
    work = _Work(service, parent)
    parent.tell(Ready(address=service.address))
    with _signals(service, work.stop):
        tasks = [asyncio.create_task(work.obey()), asyncio.create_task(work.report_on())]
        try:
            await work.stop.wait()
            await service.drain()
            await service.finish()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    work.report()


@contextmanager
def _signals(service: Running, stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    handlers = {
        signal.SIGTERM: stop.set,
        signal.SIGINT: stop.set,
        signal.SIGHUP: service.reload,
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


def main() -> None:
    """Work on the file descriptor that the command line names; never returns."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        sys.exit(runner.run(work(channel)))


if __name__ == "__main__":
    main()
