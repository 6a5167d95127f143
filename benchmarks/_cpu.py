"""CPU time of our processes and of everybody else's, from Linux's /proc; and cores to pin to."""

import os
import resource
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

_STAT = Path("/proc/stat")

AVAILABLE = _STAT.is_file()
"""Whether this machine tells."""

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used between two moments."""

    seconds: Mapping[int, float]
    """By process, all of its threads."""
    foreign: float
    """Cores that others kept busy, or that the hypervisor gave to other machines."""


class Meter:
    """Measures from its making to ``read``. *pids* must be all of our processes that live on."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._start = self._now()

    def read(self) -> Usage:
        clock, busy, ended, used = self._now()
        clock0, busy0, ended0, used0 = self._start
        seconds = {pid: used[pid] - used0[pid] for pid in self._pids}
        ours = sum(seconds.values()) + ended - ended0
        return Usage(seconds=seconds, foreign=max(0.0, busy - busy0 - ours) / (clock - clock0))

    def _now(self) -> tuple[float, float, float, dict[int, float]]:
        return monotonic(), _busy(), _ended_children(), {pid: _used(pid) for pid in self._pids}


def resident(pid: int) -> float:
    """MiB of memory that *pid* has in use."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _used(pid: int) -> float:
    # The name of the program, in parentheses, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS  # utime, stime


def _busy() -> float:
    fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / _TICKS


def _ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Who runs where; None for wherever the system likes."""

    envoy: int | None = None
    service: int | None = None
    load: int | None = None

    @classmethod
    def choose(cls) -> "Cores":
        """Envoy on a core of its own; the service and the load share one when there are two."""
        if not hasattr(os, "sched_setaffinity"):
            return cls()
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) == 1:
            return cls()
        return cls(envoy=cores[0], service=cores[1], load=cores[min(2, len(cores) - 1)])

    def __str__(self) -> str:
        if self.envoy is None:
            return "nothing is pinned to a core"
        return f"Envoy on core {self.envoy}, service on {self.service}, load on {self.load}"


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Children that are started within the block run on *core*, with every thread of theirs."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
