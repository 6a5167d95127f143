"""Live lanes that must be asked for over a network: a thread asks, the consumer never waits."""

import contextvars
import logging
import os
import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final, Self
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from colorfast.propagator.messaging._live import MAX_BYTES, checked, complain, parse_lanes

_CHUNK: Final = 8192

_log = logging.getLogger(__name__)


class PolledLanes:
    """The lanes that *fetch* returned last. A thread calls it every *interval* seconds.

    The thread starts with the first question and ends with ``close`` or the process; a process that
    was forked starts its own. When *fetch* raises or returns what are no lane names, the last good
    answer stays, and the log says so when it begins and when it ends. Before the first answer there
    are no lanes, so that a baseline takes all messages: ``wait`` is for who would rather wait.
    """

    def __init__(self, fetch: Callable[[], Iterable[str]], *, interval: float = 5.0) -> None:
        self._name = getattr(fetch, "__qualname__", "a function")
        self._fetch = fetch
        self._interval = interval
        self._lanes: frozenset[str] = frozenset()
        self._failing = False
        self._begin()

    def lanes(self) -> frozenset[str]:
        """The last good answer."""
        if self._thread is None or self._pid != os.getpid():
            self._start()
        return self._lanes

    def wait(self, timeout: float) -> bool:
        """Wait at most *timeout* seconds for the first good answer; whether there is one."""
        self.lanes()
        return self._answered.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """End the thread, waiting at most *timeout* seconds for it. The last answer stays."""
        self._stop.set()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(timeout)

    def __enter__(self) -> Self:
        self.lanes()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._answered = threading.Event()
        self._thread: threading.Thread | None = None

    def _start(self) -> None:
        if self._pid != os.getpid():
            self._begin()  # locks and events of the parent may be held for ever
        with self._lock:
            if self._thread is None:
                # A context of its own: the lane of the message that came first is not the thread's.
                run = contextvars.Context().run
                self._thread = threading.Thread(
                    target=run, args=(self._poll,), name="colorfast-live-lanes", daemon=True
                )
                self._thread.start()

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._ask()
            self._stop.wait(self._interval)

    def _ask(self) -> None:
        try:
            self._lanes = checked(self._fetch())
        except Exception as error:  # noqa: BLE001 (a fetch of the user's may raise anything)
            if not self._failing:
                complain(self._name, error)
            self._failing = True
            return
        if self._failing:
            _log.warning("CF706: live lanes of %s: answers again", self._name)
        self._failing = False
        self._answered.set()


class HttpLanes(PolledLanes):
    """The lanes that a URL lists: GET, status 200, a body for *parse* (``parse_lanes``).

    Raises ValueError when *url* is neither http nor https. An answer may take *timeout* seconds and
    be 64 KiB long.
    """

    def __init__(
        self,
        url: str,
        *,
        interval: float = 5.0,
        timeout: float = 2.0,
        parse: Callable[[bytes], Iterable[str]] = parse_lanes,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is neither http nor https")
        super().__init__(lambda: parse(_get(url, timeout)), interval=interval)
        self._name = f"{parts.hostname}{parts.path}"  # the rest may hold secrets


def _get(url: str, timeout: float) -> bytes:
    end = monotonic() + timeout
    request = Request(url, headers={"accept": "text/plain, */*"})  # noqa: S310 (checked above)
    body = b""
    with urlopen(request, timeout=timeout) as response:  # noqa: S310
        if response.status != 200:
            raise OSError(f"status {response.status}")
        # urllib bounds each wait only: a server that sends a byte a second would hold the thread.
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > MAX_BYTES or monotonic() > end:
                raise OSError(f"more than {MAX_BYTES} bytes, or than {timeout:g} seconds")
    return body
