"""Clients that keep asking while something happens, and what became of every request."""

import threading
from collections import Counter
from contextlib import closing
from typing import Self

from helpers.clients import Http1, Line
from helpers.envoys import DEADLINE

Outcome = tuple[object, ...]


class Load:
    """*clients* connections, kept alive, each asking over and over until the block ends."""

    def __init__(self, path: str, lines: list[Line], *, clients: int = 4) -> None:
        self._path = path
        self._lines = lines
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._outcomes: Counter[Outcome] = Counter()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(DEADLINE)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How often each outcome was seen so far: upstream, lane header, baggage."""
        with self._lock:
            return Counter(self._outcomes)

    def _run(self) -> None:
        with closing(Http1(self._path)) as client:
            while not self._stop.is_set():
                outcome = self._ask(client)
                with self._lock:
                    self._outcomes[outcome] += 1
                if outcome[0] == "failed":
                    return

    def _ask(self, client: Http1) -> Outcome:
        try:
            seen = client.ask(self._lines).seen
        except (OSError, AssertionError, ValueError, IndexError) as error:
            return "failed", repr(error)
        return seen.upstream, tuple(seen.header(b"x-lane")), tuple(seen.header(b"baggage"))
