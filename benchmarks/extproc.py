"""Envoy without a filter, with our service, and with the same work on PyPI's envoy-extproc-sdk.

One Envoy with one worker, one policy, one request, and the rows take turns: whatever the machine
does, it does to all of them. Judge by the ratios. Fails only when a request fails or is not dyed.
"""

import asyncio
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks._config import OURS, PEER
from benchmarks._cpu import AVAILABLE, resident
from benchmarks._echo import why_not_dyed
from benchmarks._load import Generator
from benchmarks._measure import heading, save
from benchmarks._micro import processor_costs
from benchmarks._peer import NoPeerError, get_peer
from benchmarks._rig import POLICY, Peer, Rig, running
from benchmarks._rounds import Plan, Rounds, take_rounds
from benchmarks._tables import Measured, figures, print_costs, print_ratios, print_rows
from colorfast.policy import ColorfastError, load_policy

QUICK = Plan(connections=(64,), rounds=3, seconds=2, spare=4)
FULL = Plan(connections=(1, 16, 64), rounds=7, seconds=3, spare=8)

WARM_UP = 1
"""Seconds for each row, not counted."""


class NotDyedError(Exception):
    """A row does not do the work that it is to be measured at."""


def run(*, quick: bool) -> bool:
    """Print ratios, then tables; whether every request was answered and dyed."""
    heading("Envoy with the ext_proc service: ten rules, the tenth matches, baggage is merged")
    measured = _behind_envoy(QUICK if quick else FULL)
    heading("The processor alone, without gRPC: microseconds a message")
    costs = processor_costs(load_policy(POLICY.read_text()).policy, quick=quick)
    print_costs(costs)
    result: dict[str, Any] = {"processor": costs}
    if measured is not None:
        result |= figures(measured)
    save("extproc", result)
    return measured is not None and not measured.failed


def _behind_envoy(plan: Plan) -> Measured | None:
    """None, and a line that says why, when it could not be measured."""
    if not AVAILABLE:
        print("  FAIL this machine has no /proc to read CPU times from: run it on Linux")
        return None
    try:
        measured = asyncio.run(_measure(plan, _peer()))
    except (ColorfastError, NotDyedError, OSError, RuntimeError) as error:
        print(f"  FAIL {error}")
        return None
    print_ratios(measured)
    print_rows(measured)
    return measured


def _peer() -> Peer | None:
    try:
        return get_peer()
    except NoPeerError as error:
        print(f"  {PEER} is left out: {error}")
        return None


async def _measure(plan: Plan, peer: Peer | None) -> Measured:
    async with running(peer) as rig:
        if rig.peer_failed:
            print(f"  {PEER} is left out: {rig.peer_failed}")
        load = Generator(rig.folder, rig.cores.load)
        print(f"  load by {load.name}; {rig.cores}", flush=True)
        return await rig.guard(_take(rig, load, plan))


async def _take(rig: Rig, load: Generator, plan: Plan) -> Measured:
    for row in rig.rows:
        if row.service is not None and (why := await why_not_dyed(row.port)):
            raise NotDyedError(f"{row.name} does not dye as it should: {why}")
        await load.run(row.port, connections=max(plan.connections), seconds=WARM_UP)
    rounds: dict[int, Rounds] = {}
    for connections in plan.connections:
        rounds[connections] = await take_rounds(rig, load, connections, plan)
    services = {row.name: row.service for row in rig.rows if row.service is not None}
    return Measured(
        rounds=rounds,
        rows=tuple(row.name for row in rig.rows),
        memory={name: resident(pid) for name, pid in services.items()},
        conditions=_conditions(rig, load) | {"plan": asdict(plan)},
    )


def _conditions(rig: Rig, load: Generator) -> dict[str, Any]:
    packages = ("grpcio", "protobuf", "uvloop")
    return {
        "envoy": rig.envoy_version,
        "load": load.name,
        "cores": str(rig.cores),
        OURS: ", ".join(f"{name} {_version(name)}" for name in packages),
        **{name: text for name, text in rig.versions.items() if text},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
