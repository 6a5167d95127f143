"""The rim around ``_reload``: reads the file once a second, swaps engines, logs, counts.

The content itself is compared, not times or inodes: so the symlink swap of a mounted ConfigMap's
``..data``, an editor's rename and a write within one clock tick are all the same to it.
"""

import asyncio
import logging
import os
import stat
from time import time
from typing import Final

from colorfast.extproc._processor import Processor
from colorfast.extproc._reload import PolicyState, Verdict, first, judge, unreadable
from colorfast.policy import InvalidInput

SETTLE: Final = 0.05
"""Seconds that a change must stay as it is: a writer that is half done is not a policy."""

MAX_BYTES: Final = 16 << 20
"""No policy file is longer; what is longer is cut, and so refused."""

_LOG = logging.getLogger("colorfast.extproc")


def read_file(file: str) -> bytes:
    """The content of a regular file. Raises OSError; never waits for a writer, as a FIFO would."""
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        return stream.read(MAX_BYTES + 1)


def load_first(file: str) -> PolicyState:
    """The policy to start with. Raises InvalidInput, for a file that cannot be read too."""
    try:
        state = first(file, read_file(file), time())
    except OSError as error:
        raise InvalidInput((unreadable(file, error),)) from None
    for warning in state.warnings:
        _LOG.warning("%s", warning)
    return state


class Watcher:
    """Keeps a processor's engine up to date with the policy file."""

    def __init__(self, state: PolicyState, processor: Processor, *, poll: float) -> None:
        self.state = state
        self.results: dict[Verdict, int] = {
            verdict: 0 for verdict in Verdict if verdict is not Verdict.UNCHANGED
        }
        """How often the file was judged, by verdict."""
        self._processor = processor
        self._poll = poll
        self._asked = asyncio.Event()

    def reload(self) -> None:
        """Read the file at once, even if nothing seems to have changed."""
        self._asked.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            again = await self._wait()
            try:
                await self._look(again=again)
            except Exception:  # noqa: BLE001 (a watcher that has died tells nobody)
                _LOG.exception("the policy file could not be looked at; trying again")

    async def _wait(self) -> bool:
        """Until the next look is due; whether it was asked for."""
        try:
            await asyncio.wait_for(self._asked.wait(), self._poll)
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _look(self, *, again: bool) -> None:
        content = await asyncio.to_thread(_read, self.state.file)
        if not again:
            if _bytes(content) == self.state.seen:
                return
            await asyncio.sleep(SETTLE)
            if _bytes(await asyncio.to_thread(_read, self.state.file)) != _bytes(content):
                return
        # In a thread: a large policy takes longer to load than a request may wait.
        state, verdict = await asyncio.to_thread(judge, self.state, content, time(), again=again)
        self._adopt(state, verdict)

    def _adopt(self, state: PolicyState, verdict: Verdict) -> None:
        before, self.state = self.state, state
        self.results[verdict] += 1
        if verdict is Verdict.ACCEPTED:
            self._processor.engine = state.engine
            _LOG.info("policy reloaded: %s, before it %s", _name(state), _name(before))
            for warning in state.warnings:
                _LOG.warning("%s", warning)
        elif state.refusal is not None:
            findings = "\n".join(map(str, state.refusal.diagnostics))
            _LOG.error("CF602: policy reload refused, %s goes on\n%s", _name(state), findings)


def _read(file: str) -> bytes | OSError:
    try:
        return read_file(file)
    except OSError as error:
        return error


def _bytes(content: bytes | OSError) -> bytes | None:
    return None if isinstance(content, OSError) else content


def _name(state: PolicyState) -> str:
    policy = state.engine.policy
    return f"{policy.name} {policy.digest}"
