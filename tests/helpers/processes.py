"""Looking at processes from outside."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

DEADLINE = 120.0


def wait_until(condition: Callable[[], bool], what: str, *, within: float = DEADLINE) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {within:g} seconds"
        time.sleep(0.02)


async def wait_until_async(
    condition: Callable[[], Awaitable[bool]], what: str, *, within: float = DEADLINE
) -> None:
    end = time.monotonic() + within
    while not await condition():
        assert time.monotonic() < end, f"{what}: not within {within:g} seconds"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether *pid* runs; a zombie does not."""
    return _state(pid) not in ("", "Z", "X")


def descendants(pid: int) -> set[int]:
    """The children of *pid*, theirs, and so on."""
    parents = {int(path.name): _parent(int(path.name)) for path in _processes()}
    found: set[int] = set()
    new = {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _processes() -> Iterator[Path]:
    return (path for path in Path("/proc").iterdir() if path.name.isdecimal())


def _fields(pid: int) -> list[str]:
    try:
        # The name of the program, in parentheses, may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str:
    return next(iter(_fields(pid)), "")


def _parent(pid: int) -> int:
    return int((_fields(pid) or ["", "0"])[1])
