"""Servers alone: each on one core, asked by ``peers/ask.c`` on another, no Envoy between them."""

import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks._bench import Asking, Bench
from benchmarks._cpu import Cores
from benchmarks._names import FLOOR, GO, GO_TUNED, GRPCIO, H2, HTTP2, PYTHON
from benchmarks._options import Options
from benchmarks._processes import Launch
from benchmarks._rig import Crew
from benchmarks._rounds import Plan, Rounds, take_rounds

ALONE: Final = "alone"

SERVERS: Final = (FLOOR, HTTP2, PYTHON, GRPCIO, H2, GO, GO_TUNED)

_ASKED_AGAIN: Final = (HTTP2, GO)
"""Those that are also asked one message again and again."""

_IN_FLIGHT: Final = 64
"""Streams at once, on one connection, as one Envoy worker would have them."""

_QUICK = Plan(rounds=1, seconds=1, spare=1)
_FULL = Plan(rounds=4, seconds=2, spare=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class AloneMeasured:
    """What came out."""

    rounds: Rounds[Asking]
    absent: Mapping[str, str]
    cores: str


async def measure_alone(options: Options, launches: Mapping[str, Launch]) -> AloneMeasured:
    """Raises AbsentError, ColorfastError, WrongAnswerError, RuntimeError, OSError."""
    plan = (_QUICK if options.quick else _FULL).chosen(options)
    cores = Cores.choose()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="colorfast-")))
        crew = Crew(stack, folder, cores)
        await crew.start({name: one for name, one in launches.items() if name in SERVERS})
        bench = Bench(crew.services, folder, cores, in_flight=_IN_FLIGHT)
        await bench.check()
        where = f"service on {cores.service}, load on {cores.envoy}" if cores.envoy else str(cores)
        print(f"  {ALONE}: load by our own ask.c; {where}")
        sys.stdout.flush()
        askings = [
            *(Asking(server=name) for name in crew.services),
            *(Asking(server=name, again=True) for name in _ASKED_AGAIN if name in crew.services),
        ]
        rounds = await take_rounds(askings, bench.sampler(plan.seconds), plan)
        return AloneMeasured(rounds=rounds, absent=crew.failed, cores=where)
