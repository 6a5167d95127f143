"""One part of the ext_proc benchmark: samples through Envoy."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks._cpu import resident
from benchmarks._echo import why_not_dyed
from benchmarks._load import Generator
from benchmarks._names import CONSTANT, NONE, SERVERS
from benchmarks._parts import Cell, Part
from benchmarks._processes import Launch
from benchmarks._rig import Rig, running
from benchmarks._rounds import Rounds, take_rounds
from benchmarks._sampling import sampler

_WARM_UP: Final = 1
"""Seconds for all rows at once, not counted."""

_WARM_CONNECTIONS: Final = 8


class NotDyedError(Exception):
    """A row does not do the work that it is to be measured at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMeasured:
    """What came out of a part."""

    part: Part
    """With the rows that were measured."""
    rounds: Rounds[Cell]
    memory: Mapping[str, float]
    """MiB of each row's server after all the load."""
    absent: Mapping[str, str]
    """Why a server did not start."""
    versions: Mapping[str, str]
    conditions: Mapping[str, str]


async def measure_part(part: Part, launches: Mapping[str, Launch]) -> PartMeasured:
    """Raises ColorfastError, NotDyedError, RuntimeError, OSError."""
    async with running(part, launches) as rig:
        load = Generator(rig.folder, rig.cores.load)
        print(f"  {part.name}: load by {load.name}; {rig.cores}", flush=True)
        rounds = await rig.guard(_take(rig, load))
        pids = {name: service.pid for name, service in rig.services.items()}
        return PartMeasured(
            part=rig.part,
            rounds=rounds,
            memory={row: resident(pids[SERVERS[row]]) for row in rig.part.rows if row in SERVERS},
            absent=rig.failed,
            versions={name: one.version for name, one in rig.services.items()},
            conditions={
                "envoy": rig.envoy_version,
                "load": load.name,
                "cores": str(rig.cores),
            },
        )


async def _take(rig: Rig, load: Generator) -> Rounds[Cell]:
    await _check(rig)
    await asyncio.gather(
        *(
            load.run(port, connections=_WARM_CONNECTIONS, seconds=_WARM_UP)
            for _, port in rig.listeners.values()
        )
    )
    sample = sampler(rig.cases, load, seconds=rig.part.plan.seconds, envoy=rig.envoy)
    return await take_rounds([case.key for case in rig.cases], sample, rig.part.plan)


async def _check(rig: Rig) -> None:
    asked = {
        name: port for name, (row, port) in rig.listeners.items() if row not in (NONE, CONSTANT)
    }
    # All at once, for Envoy takes a second to close each connection.
    answers = await asyncio.gather(*map(why_not_dyed, asked.values()))
    for name, why in zip(asked, answers, strict=True):
        if why:
            raise NotDyedError(f"{name} does not dye as it should: {why}")
