"""A LanePolicy of a cluster as a policy's source.

It is listed, then watched from there. Whatever goes wrong, and once a minute anyway, that starts
over: so a connection that has died silently is noticed, and a token that was replaced is read.
"""

import asyncio
import logging
import random
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from lightkube import AsyncClient

from colorfast.extproc._backoff import Backoff
from colorfast.extproc._object_name import ObjectName
from colorfast.extproc._source import Judged, Look, Reading, Unavailable, Verdict, no_tells
from colorfast.extproc.kube import _api
from colorfast.extproc.kube._content import Json, content_of
from colorfast.extproc.kube._status import status_patch
from colorfast.policy import Diagnostic

SESSION: Final = 60
"""Seconds that a watch is trusted for."""

PATIENCE: Final = 3.0
"""Seconds of failures after which the API server counts as away: one that is replaced is not."""

SPREAD: Final = 0.5
"""Seconds over which pods spread their writes, so that most find the status written."""

_LOG = logging.getLogger("colorfast.extproc")


class ObjectSource:
    """The LanePolicy *place*. A start waits *wait* seconds for one that cannot be had.

    A watch is trusted for *session* seconds.
    """

    by_path = True

    def __init__(self, place: ObjectName, *, wait: float, session: float = SESSION) -> None:
        self.name = str(place)
        self.tells = no_tells()
        self._place = place
        self._wait = wait
        self._session_lasts = session
        self._asked = asyncio.Event()
        self._thing: Json | None = None
        """The object as it was seen last."""
        self._failing: float | None = None
        """Since when the API server could not be asked."""
        self._limit: asyncio.Timeout | None = None
        """The end of the session that lasts now."""

    async def first(self) -> Reading:
        """The object, or why it could not be had in time."""
        end = monotonic() + self._wait
        backoff = Backoff()
        reading = self._gone()
        while True:
            try:
                async with asyncio.timeout(max(end - monotonic(), 1.0)):
                    reading = await self._find()
            except Exception as error:  # noqa: BLE001 (whatever a client of HTTP raises)
                reading = self._away(error)
            if not isinstance(reading.content, Unavailable) or monotonic() >= end:
                return reading
            backoff = backoff.after(0.0)
            await asyncio.sleep(min(backoff.delay, max(end - monotonic(), 0.0)))

    async def run(self, look: Look) -> None:
        """List and watch, again and again."""
        backoff = Backoff()
        while True:
            started = monotonic()
            try:
                await self._session(look)
                continue
            except Exception as error:  # noqa: BLE001 (whatever a client of HTTP raises)
                backoff = backoff.after(monotonic() - started)
                self._failing = self._failing or monotonic()
                if monotonic() - self._failing >= PATIENCE:
                    await look(self._away(error))
            with suppress(TimeoutError):
                wait = backoff.delay * random.uniform(0.5, 1.0)  # noqa: S311 (not a secret)
                await asyncio.wait_for(self._asked.wait(), wait)

    def reload(self) -> None:
        """List it at once."""
        self._asked.set()
        if self._limit is not None:
            with suppress(RuntimeError):  # it is ending anyway
                self._limit.reschedule(asyncio.get_running_loop().time())

    async def tell(self, judged: Judged) -> None:
        """Write the object's status, unless it says so already; goes on until it does."""
        if judged.generation is None:
            return
        backoff = Backoff()
        await asyncio.sleep(random.uniform(0, SPREAD))  # noqa: S311 (not a secret)
        while not await self._told(judged):
            backoff = backoff.after(0.0)
            await asyncio.sleep(max(backoff.delay, SPREAD))

    async def _session(self, look: Look) -> None:
        """Follow the object as long as a watch is trusted, or until asked to look again."""
        again = self._asked.is_set()
        self._asked.clear()
        try:
            async with asyncio.timeout(self._session_lasts) as limit, _api.connected() as client:
                self._limit = limit
                await self._follow(client, look, again=again)
        except TimeoutError:
            if not limit.expired():
                raise
        finally:
            self._limit = None

    async def _follow(self, client: AsyncClient, look: Look, *, again: bool) -> None:
        """List the object, then hand over its changes."""
        found = await _api.find(client, self._place)
        self._failing = None
        await look(self._seen(found.thing, again=again))
        seconds = max(1, round(2 * self._session_lasts))
        changes = _api.changes(client, self._place, found.version, seconds=seconds)
        async with aclosing(changes):
            async for thing in changes:
                await look(self._seen(thing))

    async def _find(self) -> Reading:
        async with _api.connected() as client:
            return self._seen((await _api.find(client, self._place)).thing)

    async def _told(self, judged: Judged) -> bool:
        """Whether the status says what became of the object, or need not any more."""
        thing = self._thing
        if thing is None or thing["metadata"].get("generation") != judged.generation:
            return True
        patch = status_patch(thing, judged, _now())
        if patch is None:
            return True
        try:
            async with _api.connected() as client:
                await _api.write_status(client, self._place, patch)
        except Exception as error:  # noqa: BLE001 (whatever a client of HTTP raises)
            await self._untold(error)
            return False
        self.tells["written"] += 1
        return True

    async def _untold(self, error: Exception) -> None:
        if _api.conflicts(error):
            self.tells["conflict"] += 1
            with suppress(Exception):
                await self._find()
            return
        self.tells["failed"] += 1
        if self.tells["failed"] == 1:
            _LOG.warning("CF633: status of %s cannot be written: %s", self.name, _api.why(error)[0])

    def _seen(self, thing: Json | None, *, again: bool = False) -> Reading:
        self._thing = thing
        if thing is None:
            return self._gone(again=again)
        generation = thing["metadata"].get("generation")
        return Reading(content=content_of(thing), generation=generation, again=again)

    def _gone(self, *, again: bool = False) -> Reading:
        finding = Diagnostic(
            code="CF630",
            file=self.name,
            what="there is no such LanePolicy",
            fix=f"apply it, or see `kubectl get lanepolicies -n {self._place.namespace}`",
        )
        return Reading(content=Unavailable(verdict=Verdict.GONE, finding=finding), again=again)

    def _away(self, error: Exception) -> Reading:
        why, fix = _api.why(error)
        what = "the API server cannot be asked"
        finding = Diagnostic(code="CF631", file=self.name, what=what, why=why, fix=fix)
        return Reading(content=Unavailable(verdict=Verdict.UNREADABLE, finding=finding))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
