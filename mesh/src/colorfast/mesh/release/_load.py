"""Requests at a constant rate, and what came of each."""

import asyncio
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from colorfast.policy import BUCKETS, Attribute, Source
from colorfast.policy._split import bucket_of, seed_of
from colorfast.release import Release

USERS: Final = 100
"""One for each hundredth of the split, so that every share is exact."""
_AT_ONCE: Final = 48
"""Requests in flight; more than that would measure this machine."""
_TIMEOUT: Final = 15.0
_HOP: Final = re.compile(r"-> ([a-z0-9-]+)\(version: ([^)]+)\)")

Path = tuple[tuple[str, str], ...]
"""Services and the versions that answered, in the order of the calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request."""

    step: int
    settled: bool
    """Whether the step's change was through when the request began."""
    user: int
    began: float
    """Seconds since the load began."""
    ended: float
    path: Path
    error: str = ""


def users_of(salt: str) -> tuple[str, ...]:
    """The keys of users, one for each hundredth of a split with *salt*, in no order of shares."""
    seed, width = seed_of(salt), BUCKETS // USERS
    found: dict[int, str] = {}
    for number in itertools.count():
        key = f"user-{number}"
        found.setdefault(bucket_of(key.encode(), seed) // width, key)
        if len(found) == USERS:
            break
    return tuple(found.values())


@dataclass(slots=True)
class Load:
    """Sends requests until it is stopped; *step* and *settled* are what the next one belongs to."""

    url: str
    release: Release
    rate: float
    step: int = 0
    settled: bool = True
    answers: list[Answer] = field(default_factory=list)
    users: tuple[str, ...] = ()
    """What each of them sends as his key."""
    _flying: set[asyncio.Task[None]] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _start: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Send for ever: cancel it."""
        limit = TCPConnector(limit=_AT_ONCE)
        bound = ClientTimeout(total=_TIMEOUT)
        async with ClientSession(connector=limit, timeout=bound) as session:
            try:
                for number in itertools.count():
                    if len(self._flying) < _AT_ONCE:
                        task = asyncio.create_task(self._send(session, number % len(self.users)))
                        self._flying.add(task)
                        task.add_done_callback(self._flying.discard)
                    await asyncio.sleep(1 / self.rate)
            finally:
                for task in self._flying:
                    task.cancel()
                await asyncio.gather(*self._flying, return_exceptions=True)

    async def drain(self) -> None:
        """Wait until the requests that had begun are done."""
        await asyncio.gather(*tuple(self._flying), return_exceptions=True)

    async def until(self, number: int) -> None:
        """Wait until *number* requests of this step are answered that began after its change."""

        def enough() -> bool:
            found = (one for one in self.answers if one.step == self.step and one.settled)
            return sum(1 for _ in found) >= number

        async with self._news:
            await self._news.wait_for(enough)

    async def _send(self, session: ClientSession, user: int) -> None:
        step, settled, began = self.step, self.settled, self._now()
        path, error = await self._ask(session, user)
        answer = Answer(
            step=step,
            settled=settled,
            user=user,
            began=began,
            ended=self._now(),
            path=path,
            error=error,
        )
        async with self._news:
            self.answers.append(answer)
            self._news.notify_all()

    async def _ask(self, session: ClientSession, user: int) -> tuple[Path, str]:
        try:
            async with session.get(self._target(user), headers=dict(self._headers(user))) as got:
                text = await got.text()
        except (ClientError, OSError, TimeoutError) as error:
            return (), str(error) or type(error).__name__
        if got.status != 200:
            return (), f"status {got.status}"
        return tuple((name, version) for name, version in _HOP.findall(text)), ""

    def _target(self, user: int) -> str:
        query = [one.name for one in self._keys() if one.source is Source.QUERY]
        return self.url + "/" + "".join(f"?{name}={self.users[user]}" for name in query[:1])

    def _headers(self, user: int) -> Iterator[tuple[str, str]]:
        for one in self._keys():
            if one.source is Source.COOKIE:
                yield "cookie", f"{one.name}={self.users[user]}"
            elif one.source is Source.HEADER:
                yield one.name, f"{self.users[user]}"

    def _keys(self) -> tuple[Attribute, ...]:
        """What a user is known by: the first thing that the split looks at."""
        return self.release.sticky.by[:1] if self.release.sticky else ()

    def _now(self) -> float:
        return time.monotonic() - self._start
