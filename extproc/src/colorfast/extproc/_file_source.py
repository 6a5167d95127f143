"""A policy file: read once a second.

The content itself is compared, not times or inodes: so the symlink swap of a mounted ConfigMap's
``..data``, an editor's rename and a write within one clock tick are all the same to it.
"""

import asyncio
import os
import stat
from typing import Final

from colorfast.extproc._source import Judged, Look, Reading, Unavailable, Verdict, no_tells
from colorfast.policy import Diagnostic

SETTLE: Final = 0.05
"""Seconds that a change must stay as it is: a writer that is half done is not a policy."""

MAX_BYTES: Final = 16 << 20
"""No policy file is longer; what is longer is cut, and so refused."""


def read_file(file: str) -> bytes:
    """The content of a regular file. Raises OSError; never waits for a writer, as a FIFO would."""
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        return stream.read(MAX_BYTES + 1)


def look_at(file: str) -> bytes | Unavailable:
    """The content of *file*, or why there is none."""
    try:
        return read_file(file)
    except OSError as error:
        why = error.strerror or str(error)
        what = "the file cannot be read"
        finding = Diagnostic(code="CF110", file=file, what=what, why=why)
        return Unavailable(verdict=Verdict.UNREADABLE, finding=finding)


class FileSource:
    """The policy file *name*, read every *poll* seconds."""

    by_path = False

    def __init__(self, name: str, *, poll: float) -> None:
        self.name = name
        self.tells = no_tells()
        self._poll = poll
        self._asked = asyncio.Event()
        self._last: bytes | Unavailable | None = None

    async def first(self) -> Reading:
        """What the file holds now."""
        self._last = await asyncio.to_thread(look_at, self.name)
        return Reading(content=self._last)

    async def run(self, look: Look) -> None:
        """Hand over every change that has settled."""
        while True:
            again = await self._wait()
            content = await asyncio.to_thread(look_at, self.name)
            if not again:
                if content == self._last:
                    continue
                await asyncio.sleep(SETTLE)
                if await asyncio.to_thread(look_at, self.name) != content:
                    continue
            self._last = content
            await look(Reading(content=content, again=again))

    def reload(self) -> None:
        """Read the file at once."""
        self._asked.set()

    async def tell(self, judged: Judged) -> None:
        """A file has no place for it."""

    async def _wait(self) -> bool:
        """Until the next look is due; whether it was asked for."""
        try:
            await asyncio.wait_for(self._asked.wait(), self._poll)
        except TimeoutError:
            return False
        self._asked.clear()
        return True
