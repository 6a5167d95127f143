"""What a filter adds to Envoy's resident memory: one, and each further one.

As many listeners every time; on none, one or all of them is the filter, each of a policy of its
own. Each listener has answered before the memory is read, since workers load a filter's code late.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks._backend_policies import policy_text
from benchmarks._backend_rig import LANE_HEADER, config_of
from benchmarks._backend_rows import BUILDERS, carry, dye, plain_dye
from benchmarks._config import row_listener
from benchmarks._cpu import Cores, resident
from benchmarks._options import Options
from benchmarks._processes import listener_ports, start_envoy
from benchmarks._request import CURL, send
from colorfast.envoy import Chain
from colorfast.envoy.bootstrap import NO_CHAIN, cluster
from colorfast.mesh import Supervisor
from colorfast.policy import load_policy

LISTENERS: Final = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """MiB."""

    first: float
    """That the first filter adds."""
    further: float
    """That each further one adds."""


async def memory_of_filters(options: Options) -> dict[str, Memory]:
    """By backend. Raises ColorfastError when an Envoy does not start."""
    backends = [
        name
        for name in BUILDERS
        if any(map(options.wants_row, (plain_dye(name), dye(name, 1), carry(name))))
    ]
    chains: dict[str, Sequence[Chain]] = {
        name: [
            BUILDERS[name](load_policy(policy_text(1, name=f"memory-{number}")).policy, "dye")
            for number in range(LISTENERS)
        ]
        for name in backends
    }
    none = await _resident([])
    result = {}
    for name, every in chains.items():
        one, all_of_them = await _resident(every[:1]), await _resident(every)
        result[name] = Memory(first=one - none, further=(all_of_them - one) / (LISTENERS - 1))
    return result


async def _resident(chains: Sequence[Chain]) -> float:
    """MiB of an Envoy with these, one a listener."""
    padded = [*chains, *[NO_CHAIN] * (LISTENERS - len(chains))]
    listeners = [
        row_listener(f"memory-{number}", chain, LANE_HEADER, otherwise=200)
        for number, chain in enumerate(padded)
    ]
    with tempfile.TemporaryDirectory(prefix="colorfast-") as name:
        folder = Path(name)
        async with Supervisor(folder) as supervisor:
            config = config_of(listeners, [cluster("echo", f"unix:{folder / 'echo'}")], folder)
            pid, told = await start_envoy(supervisor, config, folder, Cores.choose().envoy)
            asked = [send(port, "/", CURL) for port in listener_ports(told).values()]
            for status, _ in await asyncio.gather(*asked):
                if status != 200:
                    raise RuntimeError(f"a listener answers {status}")
            return resident(pid)
