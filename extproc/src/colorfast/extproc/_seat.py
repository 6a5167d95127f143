"""The parent's side of one worker: its process, what it said last, and what its dead ones did."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Final, Literal, TypeAlias

from colorfast.extproc._backoff import Backoff
from colorfast.extproc._control import (
    MAX_LINE,
    Command,
    Failed,
    Message,
    Order,
    Ready,
    Report,
    Verb,
    parse,
)
from colorfast.extproc._settings import Settings
from colorfast.extproc._sums import Families, added, lasting
from colorfast.policy import ColorfastError

State: TypeAlias = Literal["starting", "ready", "gone"]

START_WITHIN: Final = 60.0
"""Seconds from a process to its being ready; one that takes longer is killed."""

SILENCE: Final = 15.0
"""Seconds without a report after which a worker counts as hung, and is killed."""

ANSWER_WITHIN: Final = 1.0
"""Seconds that a report which was asked for may take; then the last one is used."""

END_WITHIN: Final = 5.0
"""Seconds that a process may take to end once its parent has hung up."""


class Seat:
    """One worker's place. Whatever process sits in it, number and address stay."""

    def __init__(self, number: int, settings: Settings, told: Callable[[Message], None]) -> None:
        self.number = number
        self.settings = settings
        """The worker's own: its address is in it."""
        self.state: State = "gone"
        self.was_ready = False
        """Whether some process here was ready at some time."""
        self.restarts = 0
        self.report: Report | None = None
        """The last one of the process that is there now."""
        self.backoff = Backoff()
        self._told = told
        self._retired: Families = ()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._asked = 0
        self._answers: dict[int, asyncio.Event] = {}

    @property
    def metrics(self) -> Families:
        """What was counted here, by the process that lives and by those that have died."""
        return added([self._retired, self.report.metrics if self.report else ()])

    async def live(self, order: Order) -> str:
        """Run one process until it ends; how it ended.

        Raises the ColorfastError that kept it from starting, OSError when there can be no process.
        """
        started = monotonic()
        self.state = "starting"
        try:
            reader = await self._spawn()
            self._write(order.line())
            last_words = await self._listen(reader)
        finally:
            self.state = "gone"
            status = await self._end()
            self._retire()
            self.backoff = self.backoff.after(monotonic() - started)
        return last_words or _how(status)

    def tell(self, verb: Verb) -> None:
        """Say what to do; a worker that does not run is not told, one that starts is killed."""
        if self.state == "ready":
            self._write(Command(verb=verb, number=self._asked).line())
        elif verb in ("drain", "hurry"):
            self.kill()

    def kill(self) -> None:
        """End the process at once, if there is one."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def fresh(self) -> None:
        """See that ``report`` tells what is true now; a worker that does not answer is left out."""
        if self.state != "ready":
            return
        self._asked += 1
        answered = self._answers[self._asked] = asyncio.Event()
        number = self._asked
        self.tell("report")
        with suppress(TimeoutError):
            await asyncio.wait_for(answered.wait(), ANSWER_WITHIN)
        del self._answers[number]

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        """Take messages until the worker is gone; why it had to be killed, if it had to be."""
        try:
            while True:
                limit = START_WITHIN if self.state == "starting" else SILENCE
                line = await asyncio.wait_for(reader.readline(), limit)
                if not line.endswith(b"\n"):
                    return ""
                self._take(parse(line))
        except TimeoutError:
            self.kill()
            return f"did not answer for {limit:g} s and was killed"
        except (ValueError, KeyError, TypeError):
            self.kill()
            return "made no sense and was killed"
        except OSError:
            return ""

    def _take(self, message: Message) -> None:
        match message:
            case Ready(address=address):
                self.state = "ready"
                # The next process is to have the same port, not any.
                self.settings = replace(self.settings, listen=address)
                self.was_ready = True
            case Failed(error=error):
                raise error
            case Report(number=number):
                self.report = message
                if number in self._answers:
                    self._answers[number].set()
        self._told(message)

    async def _spawn(self) -> asyncio.StreamReader:
        """A process, in a session of its own: what a terminal says is for the parent to hear."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "colorfast.extproc._worker", str(theirs.fileno())),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=MAX_LINE)
        return reader

    def _write(self, line: bytes) -> None:
        if self._writer is not None:
            self._writer.write(line)

    async def _end(self) -> int:
        """Kill what is left of the process, and reap it; its status."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._process is None:
            return 0
        try:
            # Its socket is closed, so it ends by itself, unless it hangs.
            return await asyncio.wait_for(self._process.wait(), END_WITHIN)
        except TimeoutError:
            self.kill()
            return await self._process.wait()
        except asyncio.CancelledError:
            # The others are being ended, too; not even then is a process left behind.
            self.kill()
            await self._process.wait()
            raise
        finally:
            self._process = None

    def _retire(self) -> None:
        self._retired = lasting(self.metrics)
        self.report = None


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"


def ended(number: int, how: str) -> ColorfastError:
    """The error that worker *number* ended before all were ready."""
    return ColorfastError(
        "CF620",
        f"worker {number} {how} before it was ready",
        fix="its own lines in the log say more",
    )
