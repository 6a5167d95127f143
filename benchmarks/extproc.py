"""Envoy without a filter, with our service, and with the same work on PyPI's envoy-extproc-sdk.

One run of one Envoy with one worker; one policy, one request; the rows take turns, so that whatever
the machine does, it does to all of them. Judge by the ratios. Fails only when a request fails or
leaves undyed.
"""

import asyncio
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks import _cpu
from benchmarks._config import OURS, PEER, PLAIN
from benchmarks._echo import why_not_dyed
from benchmarks._load import Generator
from benchmarks._measure import heading, ratio, save
from benchmarks._micro import processor_costs
from benchmarks._rig import POLICY, Rig, Row, running
from colorfast.policy import ColorfastError, load_policy

FOREIGN = 0.15
"""Of a core: what others may use during a sample that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    connections: tuple[int, ...]
    rounds: int
    seconds: int
    """Of one sample."""
    spare: int
    """Noisy samples that may be taken again, for each number of connections."""


QUICK = Plan(connections=(64,), rounds=3, seconds=2, spare=4)
FULL = Plan(connections=(1, 16, 64), rounds=7, seconds=3, spare=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of the load; times in the units that the table shows."""

    per_second: float
    p50: float
    p99: float
    envoy_us: float
    service_us: float
    failed: int
    foreign: float

    @property
    def noisy(self) -> bool:
        return self.foreign > FOREIGN
