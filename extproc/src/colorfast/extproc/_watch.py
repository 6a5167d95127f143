"""The rim around ``_reload``: judges what a source hands over, swaps engines, logs, counts."""

import asyncio
import logging
from contextlib import suppress
from time import time
from typing import Final

from colorfast.extproc._cache import Cache
from colorfast.extproc._processor import Processor
from colorfast.extproc._reload import PolicyState, first, judge, judged, refused
from colorfast.extproc._source import Judged, PolicySource, Reading, Verdict
from colorfast.policy import InvalidInput

TELL_WITHIN: Final = 5.0
"""Seconds that a source may take to be told why its first policy cannot be served."""

_LOG = logging.getLogger("colorfast.extproc")


async def load_first(source: PolicySource, cache: Cache | None = None) -> PolicyState:
    """The policy to start with: the source's, or else the one that *cache* has kept.

    Raises InvalidInput, for a source that cannot be read too.
    """
    reading = await source.first()
    try:
        state = _first(source, reading)
    except InvalidInput as error:
        with suppress(TimeoutError):
            refusal = Judged(generation=reading.generation, digest=None, findings=error.diagnostics)
            await asyncio.wait_for(source.tell(refusal), TELL_WITHIN)
        kept = None if cache is None else await asyncio.to_thread(cache.read)
        if kept is None:
            raise
        state = refused(_first(source, Reading(content=kept)), reading, error.diagnostics, time())
        _LOG.error("CF632: %s is served from the cache\n%s", _name(state), error)
    for warning in state.warnings:
        _LOG.warning("%s", warning)
    return state


class Watcher:
    """Keeps a processor's engine up to date with a policy's source."""

    def __init__(
        self,
        state: PolicyState,
        processor: Processor,
        source: PolicySource,
        cache: Cache | None = None,
    ) -> None:
        self.state = state
        self.source = source
        self.results: dict[Verdict, int] = {
            verdict: 0 for verdict in Verdict if verdict is not Verdict.UNCHANGED
        }
        """How often a reading was judged, by verdict."""
        self._processor = processor
        self._cache = cache
        self._telling: asyncio.Task[None] | None = None

    def reload(self) -> None:
        """Look at the source at once, even if nothing seems to have changed."""
        self.source.reload()

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._note(self.state, self.state.generation)
        try:
            await self.source.run(self._look)
        finally:
            if self._telling is not None:
                self._telling.cancel()
                await asyncio.gather(self._telling, return_exceptions=True)

    async def _look(self, reading: Reading) -> None:
        try:
            # In a thread: a large policy takes longer to load than a request may wait.
            state, verdict = await asyncio.to_thread(judge, self.state, reading, time())
            if verdict is Verdict.UNCHANGED:
                self.state = state
                return
            if verdict is Verdict.ACCEPTED:
                prepared = await asyncio.to_thread(self._processor.prepare, state.engine)
                self._processor.adopt(prepared)
            self._adopt(state, verdict)
            await self._note(state, reading.generation)
        except Exception:  # noqa: BLE001 (a watcher that has died tells nobody)
            _LOG.exception("the policy could not be looked at; trying again")

    def _adopt(self, state: PolicyState, verdict: Verdict) -> None:
        before, self.state = self.state, state
        self.results[verdict] += 1
        if verdict is Verdict.ACCEPTED:
            _LOG.info("policy reloaded: %s, before it %s", _name(state), _name(before))
            for warning in state.warnings:
                _LOG.warning("%s", warning)
        elif state.refusal is not None:
            findings = "\n".join(map(str, state.refusal.diagnostics))
            _LOG.error("CF602: policy reload refused, %s goes on\n%s", _name(state), findings)

    async def _note(self, state: PolicyState, generation: int | None) -> None:
        """Keep what was accepted, and tell the source; the latter may take its time."""
        if self._cache is not None and state.refusal is None and state.seen is not None:
            await asyncio.to_thread(self._cache.keep, state.seen)
        if self._telling is not None:
            self._telling.cancel()
        telling = self.source.tell(judged(state, generation))
        self._telling = asyncio.create_task(telling, name="policy status")


def _first(source: PolicySource, reading: Reading) -> PolicyState:
    return first(source.name, reading, time(), by_path=source.by_path)


def _name(state: PolicyState) -> str:
    policy = state.engine.policy
    return f"{policy.name} {policy.digest}"
