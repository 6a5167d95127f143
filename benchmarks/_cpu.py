"""CPU time of our processes and of everybody else's, from Linux's /proc; and cores to pin to."""

import os
import resource
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
    """By process: all of its threads, and its children's."""
    foreign: float
    """Cores that others kept busy, or that the hypervisor gave to other machines."""


class Meter:
    """Measures from its making to ``read``.

    *pids* are all of our processes that live on, but for this one and children of those.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._families = {pid: family(pid) for pid in pids}
        self._start = self._now()

    def read(self) -> Usage:
        clock, busy, own, used = self._now()
        clock0, busy0, own0, used0 = self._start
        seconds = {pid: used[pid] - used0[pid] for pid in used}
        ours = sum(seconds.values()) + own - own0
        return Usage(seconds=seconds, foreign=max(0.0, busy - busy0 - ours) / (clock - clock0))

    def _now(self) -> tuple[float, float, float, dict[int, float]]:
        used = {pid: sum(map(_used, members)) for pid, members in self._families.items()}
        return monotonic(), _busy(), _used(os.getpid()) + _ended_children(), used


def family(pid: int) -> tuple[int, ...]:
    """*pid* and its descendants: a service may have workers."""
    children: list[int] = []
    with suppress(OSError):  # the kernel may not tell
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return (pid, *(member for child in children for member in family(child)))


def resident(pid: int) -> float:
    """MiB of memory that *pid* and its descendants have in use; what they share counts for each."""
    return sum(map(_resident, family(pid)))


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _used(pid: int) -> float:
    """Seconds of CPU time, as finely as the kernel tells."""
    # The name of the program, in parentheses, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / _TICKS  # utime, stime
    # Nanoseconds, but without threads that have ended; where the kernel has it.
    return max(ticks, sum(map(_scheduled, Path(f"/proc/{pid}/task").iterdir())))


def _scheduled(task: Path) -> float:
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):  # no such file, or no such thread any more
        return 0.0


def _busy() -> float:
    fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / _TICKS


def _ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Who runs where; nothing for wherever the system likes."""

    envoy: tuple[int, ...] = ()
    service: tuple[int, ...] = ()
    load: tuple[int, ...] = ()

    @classmethod
    def choose(cls, *, each: int = 1, have: Sequence[int] | None = None) -> "Cores":
        """*each* cores for Envoy, as many for the service, the rest for the load.

        When nothing is left the load shares the service's; with too few for the two nothing is
        pinned. *have* is what there is, by default what this process may use.
        """
        cores = sorted(_allowed() if have is None else have)
        if len(cores) < 2 * each:
            return cls()
        service = tuple(cores[each : 2 * each])
        return cls(
            envoy=tuple(cores[:each]), service=service, load=tuple(cores[2 * each :]) or service
        )

    def __str__(self) -> str:
        if not self.envoy:
            return "nothing is pinned to a core"
        names = {"Envoy": self.envoy, "service": self.service, "load": self.load}
        return ", ".join(f"{name} on core {_list(cores)}" for name, cores in names.items())


def pinned(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """*command*, made to run on *cores* with every thread of its; anywhere when there are none."""
    taskset = shutil.which("taskset")
    if not cores or taskset is None:
        return list(command)
    return [taskset, "--cpu-list", _list(cores), *command]


def _allowed() -> Iterable[int]:
    # Without taskset nothing can be pinned, so there is nothing to choose from.
    if shutil.which("taskset") is None or not hasattr(os, "sched_getaffinity"):
        return ()
    return os.sched_getaffinity(0)


def _list(cores: Sequence[int]) -> str:
    return ",".join(map(str, cores))
