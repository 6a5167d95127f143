"""What each backend costs Envoy: CPU time a request over an empty chain.

One Envoy with one worker and a listener a row, and the rows take turns: whatever the machine does,
it does to all of them. Each row is compared with the empty chain's sample of the same round and
the same request. Fails when a request fails or is not dyed, and in full when a target is missed.
"""

import asyncio
from dataclasses import asdict, dataclass, replace

from benchmarks._backend_memory import memory_of_filters
from benchmarks._backend_rig import BackendRig, running, why_wrong
from benchmarks._backend_tables import Measured, figures, tables, targets
from benchmarks._cpu import AVAILABLE
from benchmarks._load import Generator
from benchmarks._measure import heading, save
from benchmarks._options import Options
from benchmarks._rounds import Plan, Rounds, take_rounds
from benchmarks._sampling import sampler
from benchmarks._targets import print_targets
from benchmarks._text import print_tables
from colorfast.policy import ColorfastError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    plan: Plan
    sizes: tuple[int, ...]
    """Numbers of rules."""
    warm_up: int
    """Seconds for all rows at once, not counted."""


_QUICK = _Work(plan=Plan(rounds=2, seconds=1, spare=2), sizes=(1, 1000), warm_up=1)
_FULL = _Work(plan=Plan(rounds=13, seconds=1, spare=60), sizes=(1, 10, 100, 1000), warm_up=4)


class WrongRowError(Exception):
    """A row does not do the work that it is to be measured at."""


def run(options: Options) -> bool:
    """Print targets, then tables; whether everything is as it should be."""
    heading("The backends inside of Envoy: CPU time over an empty chain")
    if not AVAILABLE:
        print("  FAIL this machine has no /proc to read CPU times from: run it on Linux")
        return False
    work = _QUICK if options.quick else _FULL
    work = replace(work, plan=work.plan.chosen(options))
    try:
        measured = asyncio.run(_measure(work, options))
    except (ColorfastError, WrongRowError, OSError, RuntimeError, ValueError) as error:
        print(f"  FAIL {error}")
        return False
    costs = measured.costs()
    found = targets(measured, costs)
    kept = print_targets(found)
    result = figures(measured, costs)
    print(
        f"  {'FAIL' if result['failed'] else 'ok'} requests failed or not dyed: {result['failed']}"
    )
    print(f"  {result['unit']}\n  {result['noise']}")
    print_tables(tables(result))
    result |= {
        "targets": [one.as_json() for one in found],
        "options": asdict(options),
        "work": asdict(work),
    }
    save("backends", result)
    return not result["failed"] and (kept or options.quick)


async def _measure(work: _Work, options: Options) -> Measured:
    memory = await memory_of_filters(options)
    async with running(work.sizes, options) as rig:
        load = Generator(rig.folder, rig.cores.load)
        print(f"  load by {load.name}; {rig.cores}", flush=True)
        await rig.supervisor.guard(_check(rig))
        rounds = await rig.supervisor.guard(_rounds(rig, load, work))
        return Measured(
            rounds=rounds,
            wanted=rig.rows,
            sizes=work.sizes,
            memory=memory,
            conditions={
                "envoy": rig.envoy_version,
                "load": load.name,
                "cores": str(rig.cores),
            },
        )


async def _check(rig: BackendRig) -> None:
    # All at once, for Envoy takes a second to close each connection.
    checks = [why_wrong(case.port, row) for case, row in zip(rig.cases, rig.rows, strict=True)]
    for row, why in zip(rig.rows, await asyncio.gather(*checks), strict=True):
        if why:
            raise WrongRowError(f"{row.name}: {why}")


async def _rounds(rig: BackendRig, load: Generator, work: _Work) -> Rounds[str]:
    warming = [
        load.run(case.port, connections=1, seconds=work.warm_up, headers=case.headers)
        for case in rig.cases
    ]
    await asyncio.gather(*warming)
    sample = sampler(rig.cases, load, seconds=work.plan.seconds, envoy=rig.envoy)
    return await take_rounds([case.key for case in rig.cases], sample, work.plan)
