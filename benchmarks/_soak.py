"""The soak: many requests straight at our service, and what its memory does meanwhile."""

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from benchmarks._bench import Asking, Bench
from benchmarks._cpu import Cores, resident
from benchmarks._names import GRPCIO, HTTP2
from benchmarks._options import Options
from benchmarks._processes import Launch
from benchmarks._rig import Crew

SOAK: Final = "soak"

SERVERS: Final = (HTTP2, GRPCIO)
"""The first that there is."""

_CHUNKS: Final = 40
"""Looks at the memory; each chunk has connections of its own."""

_WARM: Final = 0.25
"""Of the chunks: caches fill and arenas grow at first. The slope is that of the rest."""

_CONNECTIONS, _IN_FLIGHT = 4, 16

_SECONDS: Final = 45.0
"""For each million of requests that is wanted: a slow server gets through fewer."""

_QUICK_SECONDS: Final = 5.0

ENOUGH: Final = 500_000
"""Requests that it takes for a slope to say something: memory comes and goes in steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What came out."""

    server: str
    requests: Sequence[int]
    """So far, at each look at the memory."""
    memory: Sequence[float]
    """MiB, at the same moments."""
    wanted: int
    seconds: float

    @property
    def slope(self) -> float:
        """MiB a million of requests, once warm."""
        start = int(len(self.requests) * _WARM)
        return slope(self.requests[start:], self.memory[start:]) * 1e6


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Of the line that fits best; 0 when there are not two points."""
    return statistics.linear_regression(xs, ys).slope if len(set(xs)) > 1 else 0.0


async def soak(options: Options, launches: Mapping[str, Launch]) -> Soaked | None:
    """*options* say how many millions; None without a server.

    Raises AbsentError, ColorfastError, WrongAnswerError, RuntimeError, OSError.
    """
    name = next((one for one in SERVERS if one in launches), None)
    if name is None:
        return None
    millions = options.soak or (0.1 if options.quick else 1.0)
    seconds = _QUICK_SECONDS if options.quick else _SECONDS * max(1.0, millions)
    cores = Cores.choose()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="colorfast-")))
        crew = Crew(stack, folder, cores)
        await crew.start({name: launches[name]})
        if name not in crew.services:
            raise RuntimeError(f"{name} does not start: {crew.failed[name]}")
        bench = Bench(crew.services, folder, cores, in_flight=_IN_FLIGHT, connections=_CONNECTIONS)
        await bench.check()
        print(f"  {SOAK}: {millions:g} million requests on {name}", flush=True)
        return await _run(bench, name, crew.services[name].pid, int(millions * 1e6), seconds)


async def _run(bench: Bench, name: str, pid: int, wanted: int, within: float) -> Soaked:
    start = monotonic()
    requests: list[int] = []
    memory: list[float] = []
    chunk = max(1, wanted // _CHUNKS)
    for number in range(_CHUNKS):
        await bench.ask(Asking(server=name), chunk)
        requests.append((number + 1) * chunk)
        memory.append(resident(pid))
        if monotonic() - start > within:
            break
    return Soaked(
        server=name,
        requests=requests,
        memory=memory,
        wanted=wanted,
        seconds=monotonic() - start,
    )
