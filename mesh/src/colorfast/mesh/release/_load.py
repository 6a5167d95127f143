"""Requests at a constant rate, and what came of each."""

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from colorfast.mesh.release._paths import Path
from colorfast.policy import BUCKETS, Attribute, Source
from colorfast.policy._split import bucket_of, seed_of
from colorfast.release import Release

USERS: Final = 100
"""One for each hundredth of the split, so that every share is exact."""
_DRAWN: Final = 5
"""Where no key draws: few, so that each of them comes again soon."""
_AT_ONCE: Final = 48
"""Requests in flight; more than that would measure this machine."""
_TIMEOUT: Final = 15.0
_HOP: Final = re.compile(r"-> ([a-z0-9-]+)\(version: ([^)]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request."""

    scene: int
    settled: bool
    """Whether the scene's change was through when the request began."""
    entrance: str
    user: int
    began: float
    """Seconds since the load began."""
    ended: float
    path: Path
    error: str = ""


def users_of(release: Release) -> tuple[str, ...]:
    """What each user is known by: one for each hundredth of the split, in no order of shares."""
    if release.sticky is None:
        return tuple(f"user-{number}" for number in range(_DRAWN))
    seed, width = seed_of(release.sticky.salt), BUCKETS // USERS
    found: dict[int, str] = {}
    for number in itertools.count():
        key = f"user-{number}"
        found.setdefault(bucket_of(key.encode(), seed) // width, key)
        if len(found) == USERS:
            break
    return tuple(found.values())


@dataclass(slots=True)
class Load:
    """Sends requests to every entrance in turn, until it is stopped.

    *scene* is what the next request belongs to, *settled* whether its change is through.
    """

    url: str
    release: Release
    rate: float
    """Requests a second at all entrances together."""
    users: tuple[str, ...]
    scene: int = 0
    settled: bool = False
    answers: list[Answer] = field(default_factory=list)
    _begun: int = 0
    """Requests of this scene."""
    _counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Settled answers by scene and entrance."""
    _flying: set[asyncio.Task[None]] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _start: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Send for ever: cancel it."""
        limit = TCPConnector(limit=_AT_ONCE)
        bound = ClientTimeout(total=_TIMEOUT)
        async with ClientSession(connector=limit, timeout=bound) as session:
            try:
                while True:
                    if len(self._flying) < _AT_ONCE:
                        task = asyncio.create_task(self._send(session, *self._next()))
                        self._flying.add(task)
                        task.add_done_callback(self._flying.discard)
                    await asyncio.sleep(1 / self.rate)
            finally:
                for task in self._flying:
                    task.cancel()
                await asyncio.gather(*self._flying, return_exceptions=True)

    async def settle(self) -> None:
        """The scene's change is through, and so are the requests that began before that."""
        await self._drain()
        self.settled = True

    async def turn(self) -> None:
        """Begin the next scene, and wait until all requests of this one are done."""
        self.scene, self.settled, self._begun = self.scene + 1, False, 0
        await self._drain()

    async def until(self, number: int) -> None:
        """Wait until each entrance has answered *number* requests since the scene's change."""
        keys = [(self.scene, entrance) for entrance in self.release.entrances]
        async with self._news:
            await self._news.wait_for(lambda: all(self._counts[key] >= number for key in keys))

    async def _drain(self) -> None:
        await asyncio.gather(*tuple(self._flying), return_exceptions=True)

    def _next(self) -> tuple[str, int]:
        """Entrance and user of the next request.

        Each scene begins with the same users, so that what one of them loses is seen.
        """
        user, entrance = divmod(self._begun, len(self.release.entrances))
        self._begun += 1
        return self.release.entrances[entrance], user % len(self.users)

    async def _send(self, session: ClientSession, entrance: str, user: int) -> None:
        scene, settled, began = self.scene, self.settled, self._now()
        path, error = await self._ask(session, entrance, user)
        answer = Answer(
            scene=scene,
            settled=settled,
            entrance=entrance,
            user=user,
            began=began,
            ended=self._now(),
            path=path,
            error=error,
        )
        async with self._news:
            self.answers.append(answer)
            self._counts[scene, entrance] += settled
            self._news.notify_all()

    async def _ask(self, session: ClientSession, entrance: str, user: int) -> tuple[Path, str]:
        headers = {"host": entrance, **dict(self._headers(user))}
        try:
            async with session.get(self._target(user), headers=headers) as got:
                text = await got.text()
        except (ClientError, OSError, TimeoutError) as error:
            return (), str(error) or type(error).__name__
        if got.status != 200:
            return (), f"status {got.status}"
        path = tuple((name, version) for name, version in _HOP.findall(text))
        if not path or path[0][0] != entrance:
            return (), f"it came to {path[0][0] if path else text[:40]}"
        return path, ""

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
