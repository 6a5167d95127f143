"""Rounds: one sample of each row, taken in turn, so that rows of a round can be compared."""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

from benchmarks._options import Options

FOREIGN = 0.15
"""Of a core: what others may use during a sample that counts."""

K = TypeVar("K")
"""What names a row."""


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


Figure: TypeAlias = Callable[[Sample], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds(Generic[K]):
    """All samples."""

    samples: Mapping[K, Sequence[Sample]]
    """By row; the first of each is of the first round, and so on."""
    discarded: Sequence[Sample] = ()
    """Noisy samples that were taken again."""

    def quiet(self, row: K) -> Sequence[Sample]:
        """Those that count: the quiet ones, or all when none was."""
        samples = self.samples[row]
        return [one for one in samples if one.quiet] or samples

    def pairs(self, row: K, base: K) -> Sequence[tuple[Sample, Sample]]:
        """Of the same round, both quiet, or all when there is no such pair.

        Noise in a third row's sample spoils neither.
        """
        pairs = list(zip(self.samples[row], self.samples[base], strict=True))
        return [pair for pair in pairs if all(one.quiet for one in pair)] or pairs

    def median(self, row: K, figure: Figure) -> float:
        return statistics.median(figure(one) for one in self.quiet(row))

    def ratio(self, row: K, base: K, figure: Figure) -> float:
        """The median of each round's ratio."""
        return statistics.median(
            figure(one) / max(figure(other), 1e-9) for one, other in self.pairs(row, base)
        )

    @property
    def noisy(self) -> Sequence[K]:
        """Rows without a quiet sample."""
        return [row for row, taken in self.samples.items() if not any(one.quiet for one in taken)]

    @property
    def failed(self) -> int:
        """Requests that failed, in whatever sample."""
        every = [*self.discarded, *(one for taken in self.samples.values() for one in taken)]
        return sum(sample.failed for sample in every)

    def noise(self) -> str:
        """How much was noisy, in words."""
        taken = sum(map(len, self.samples.values()))
        text = f"{taken} samples, {len(self.discarded)} discarded and taken again"
        text += f" (others used more than {FOREIGN:.0%} of a core)"
        if self.noisy:
            text += f"; NOISY: {len(self.noisy)} of {len(self.samples)} rows have no quiet sample"
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured; all of it bounded."""

    rounds: int
    seconds: int
    """Of one sample."""
    spare: int
    """Noisy samples that are taken again, in all rounds together."""

    def chosen(self, options: Options) -> "Plan":
        """With what the command line says otherwise."""
        return replace(
            self,
            rounds=options.rounds or self.rounds,
            seconds=options.seconds or self.seconds,
        )


async def take_rounds(
    rows: Sequence[K], sample: Callable[[K], Awaitable[Sample]], plan: Plan
) -> Rounds[K]:
    """Raises what *sample* raises."""
    samples: dict[K, list[Sample]] = {row: [] for row in rows}
    discarded: list[Sample] = []
    for number in range(plan.rounds):
        # To and fro: what warms up or wears out does not always hit the same row.
        for row in rows if number % 2 == 0 else rows[::-1]:
            taken = await sample(row)
            while not taken.quiet and len(discarded) < plan.spare:
                discarded.append(taken)
                taken = await sample(row)
            samples[row].append(taken)
    return Rounds(samples=samples, discarded=discarded)
