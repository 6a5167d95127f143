"""Which lanes have consumers now: what the baseline asks before it takes another lane's message."""

import logging
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from colorfast.lane import is_lane_name

MAX_BYTES: Final = 64 * 1024
"""The longest list of live lanes that is read: a thousand names of the longest kind."""

_log = logging.getLogger(__name__)


class LiveLanes(Protocol):
    """Knows the lanes that have consumers of this service now. It is asked for every message."""

    def lanes(self) -> frozenset[str]:
        """The live lanes. Never raises, and never waits for anything."""
        ...


class StaticLanes:
    """Always the same lanes. Raises ValueError for what is not a lane name."""

    __slots__ = ("_lanes",)

    def __init__(self, lanes: Iterable[str] = ()) -> None:
        self._lanes = checked(lanes)

    def lanes(self) -> frozenset[str]:
        """The lanes."""
        return self._lanes


class FileLanes:
    """The lanes that a file lists; ``parse_lanes`` says how. A ConfigMap's volume is such a file.

    The file is looked at by who asks, at most once in *interval* seconds, and read when it has
    changed. What cannot be used (no such file, not UTF-8, not lane names, more than 64 KiB) is
    logged once for each change, and the last good list stays; before the first there are no lanes.
    """

    def __init__(self, path: Path | str, *, interval: float = 1.0) -> None:
        self._path = Path(path)
        self._interval = interval
        self._next = float("-inf")
        self._seen: object = None
        self._lanes: frozenset[str] = frozenset()

    def lanes(self) -> frozenset[str]:
        """The lanes of the file as it was *interval* seconds ago or later."""
        now = monotonic()
        if now >= self._next:
            self._next = now + self._interval
            self._look()
        return self._lanes

    def _look(self) -> None:
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            with self._path.open("rb") as file:
                self._lanes = parse_lanes(file.read(MAX_BYTES + 1))
        except (OSError, ValueError) as error:
            complain(self._path, error)

    def _state(self) -> object:
        # The inode too: a file that is swapped for another may have the same time and size.
        try:
            found = self._path.stat()
        except OSError as error:
            return error.errno
        return found.st_mtime_ns, found.st_ino, found.st_size


def parse_lanes(text: bytes) -> frozenset[str]:
    """A list of lanes: names between white space, ``#`` begins a comment that its line ends.

    Raises ValueError for what is not UTF-8, not a lane name, or longer than 64 KiB.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    lines = text.decode().splitlines()
    return checked(name for line in lines for name in line.partition("#")[0].split())


def complain(source: object, error: Exception) -> None:
    """Log that *source* cannot be used, and that the list of before stays."""
    _log.warning("CF706: live lanes of %s: %s; the last good ones stay", source, error)


def checked(lanes: Iterable[str]) -> frozenset[str]:
    """*lanes* as a set. Raises ValueError for what is not a lane name."""
    found = frozenset(lanes)
    for lane in found:
        if not is_lane_name(lane):
            raise ValueError(f"{lane[:80]!r} is not a lane name")
    return found
