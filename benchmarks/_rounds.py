"""Rounds: one sample of each row, taken in turn, so that they can be compared."""

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks._cpu import Meter
from benchmarks._load import Generator
from benchmarks._measure import ratio
from benchmarks._rig import Rig, Row

FOREIGN = 0.15
"""Of a core: what others may use during a sample that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of the load against one row. CPU is in microseconds a request, latency in ms."""

    per_second: float
    p50: float
    p99: float
    envoy_us: float
    service_us: float
    failed: int
    foreign: float
    """Cores that others used meanwhile."""

    @property
    def quiet(self) -> bool:
        return self.foreign <= FOREIGN


Round: TypeAlias = Mapping[str, Sample]
"""By the row's name."""

Figure: TypeAlias = Callable[[Sample], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """All rounds with one number of connections."""

    every: Sequence[Round]
    discarded: Sequence[Sample]
    """Noisy samples that were taken again."""

    @property
    def quiet(self) -> Sequence[Round]:
        return [one for one in self.every if all(sample.quiet for sample in one.values())]

    @property
    def used(self) -> Sequence[Round]:
        """The quiet rounds; all of them when none was."""
        return self.quiet or self.every

    @property
    def failed(self) -> int:
        """Requests that failed, in whatever sample."""
        samples = [*self.discarded, *(sample for one in self.every for sample in one.values())]
        return sum(sample.failed for sample in samples)

    def median(self, row: str, figure: Figure) -> float:
        return statistics.median(figure(one[row]) for one in self.used)

    def ratio(self, row: str, base: str, figure: Figure) -> float:
        """The median of each round's ratio."""
        used = self.used
        return ratio([figure(one[row]) for one in used], [figure(one[base]) for one in used])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured; all of it bounded."""

    connections: tuple[int, ...]
    rounds: int
    seconds: int
    """Of one sample."""
    spare: int
    """Noisy samples that are taken again, for each number of connections."""


async def take_rounds(rig: Rig, load: Generator, connections: int, plan: Plan) -> Rounds:
    """Raises RuntimeError when a row answers nothing."""
    every: list[Round] = []
    discarded: list[Sample] = []
    for number in range(plan.rounds):
        taken = {}
        # To and fro: what warms up or wears out does not always hit the same row.
        for row in rig.rows if number % 2 == 0 else rig.rows[::-1]:
            sample = await _sample(rig, row, load, connections, plan.seconds)
            while not sample.quiet and len(discarded) < plan.spare:
                discarded.append(sample)
                sample = await _sample(rig, row, load, connections, plan.seconds)
            taken[row.name] = sample
        every.append(taken)
    return Rounds(every=every, discarded=discarded)


async def _sample(rig: Rig, row: Row, load: Generator, connections: int, seconds: int) -> Sample:
    meter = Meter((os.getpid(), *rig.pids))
    done = await load.run(row.port, connections=connections, seconds=seconds)
    usage = meter.read()
    service = 0.0 if row.service is None else usage.seconds[row.service]
    return Sample(
        per_second=done.requests / done.seconds,
        p50=done.p50,
        p99=done.p99,
        envoy_us=usage.seconds[rig.envoy] / done.requests * 1e6,
        service_us=service / done.requests * 1e6,
        failed=done.failed,
        foreign=usage.foreign,
    )
