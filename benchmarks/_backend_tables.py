"""What the backends' benchmark makes of its samples: costs over an empty chain, and targets."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks._backend_memory import LISTENERS, Memory
from benchmarks._backend_rows import (
    BUILDERS,
    BY_HAND,
    EMPTY,
    EXT_PROC,
    RULE_ONLY,
    Wanted,
    carry,
    dye,
    plain_dye,
)
from benchmarks._rounds import Rounds
from benchmarks._targets import Target, quotient
from benchmarks._text import Table

HAND_BOUND, OVER_BOUND, FLAT_BOUND = 1.1, 7.0, 1.3
"""To the script by hand; microseconds over an empty chain; from the fewest rules to the most."""

REFERENCE = 12.1
"""Microseconds of an empty chain where the bound of microseconds was set. Machines differ in how
fast they are at everything, so what is over an empty chain is scaled by the empty chain."""

FURTHER_BOUND = 0.3
"""MiB of each further filter, whatever the backend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU time, in microseconds a request."""

    median: float
    over: float
    """Over an empty chain: the median of each round's difference."""
    spread: float
    """Between the quartiles of *over*."""
    total_ratio: float
    """To the empty chain."""
    service: float
    """Of the service, where one is asked."""
    per_second: float
    p99: float
    quiet: int
    """Pairs of quiet samples; 0 when there was none and all were used."""

    @property
    def scaled(self) -> float:
        """*over*, on a machine where the empty chain takes as long as REFERENCE."""
        return (self.total_ratio - 1) * REFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that came out."""

    rounds: Rounds[str]
    wanted: Sequence[Wanted]
    sizes: Sequence[int]
    memory: Mapping[str, Memory]
    conditions: Mapping[str, str]

    def costs(self) -> dict[str, Cost]:
        """By row."""
        return {row.name: cost(self.rounds, row.name, row.empty) for row in self.wanted}


def cost(rounds: Rounds[str], name: str, empty: str) -> Cost:
    """Of a row, compared with the empty chain's sample of the same round."""
    pairs = rounds.pairs(name, empty)
    over = [row.envoy_us - base.envoy_us for row, base in pairs]
    low, middle, high = (
        statistics.quantiles(over, method="inclusive") if len(over) > 1 else over * 3
    )
    return Cost(
        median=statistics.median(row.envoy_us for row, _ in pairs),
        over=middle,
        spread=high - low,
        total_ratio=statistics.median(row.envoy_us / base.envoy_us for row, base in pairs),
        service=rounds.median(name, lambda sample: sample.service_us),
        per_second=rounds.median(name, lambda sample: sample.per_second),
        p99=rounds.median(name, lambda sample: sample.p99),
        quiet=sum(row.quiet and base.quiet for row, base in pairs),
    )


def targets(measured: Measured, costs: Mapping[str, Cost]) -> list[Target]:
    """Each is about what a filter adds to an empty chain."""
    over = {name: one.over for name, one in costs.items()}
    first, last = min(measured.sizes), max(measured.sizes)
    return [
        Target(
            name="one rule, no work on baggage: generated Lua to Lua by hand",
            value=_quotient(over, RULE_ONLY, BY_HAND),
            bound=HAND_BOUND,
        ),
        *(
            Target(
                name=f"{row}, over an empty chain of {REFERENCE} us",
                value=costs[row].scaled if row in costs else None,
                bound=OVER_BOUND,
                unit=" us",
            )
            for name in ("native", "Wasm")
            for row in (plain_dye(name), dye(name, 1), carry(name))
        ),
        *(
            Target(
                name=f"{name}: {last:,} rules to {first:,}",
                value=_quotient(over, dye(name, last), dye(name, first)),
                bound=FLAT_BOUND,
            )
            for name in (*BUILDERS, EXT_PROC)
        ),
        _flat_service(costs, first, last),
        *(
            Target(
                name=f"{name}: memory of each further filter",
                value=measured.memory[name].further if name in measured.memory else None,
                bound=FURTHER_BOUND,
                unit=" MiB",
            )
            for name in BUILDERS
        ),
    ]


def unit(costs: Mapping[str, Cost]) -> str:
    """What an empty chain takes here: microseconds of another machine say little."""
    empty = statistics.median(costs[name].median for name in EMPTY.values())
    return f"an empty chain takes {empty:.1f} us here, and {REFERENCE} where the bounds were set"


def _quotient(over: Mapping[str, float], row: str, base: str) -> float | None:
    return quotient(over[row], over[base]) if row in over and base in over else None


def _flat_service(costs: Mapping[str, Cost], first: int, last: int) -> Target:
    few, many = costs.get(dye(EXT_PROC, first)), costs.get(dye(EXT_PROC, last))
    return Target(
        name=f"ext_proc, CPU of the service: {last:,} rules to {first:,}",
        value=many.service / few.service if few and many and few.service else None,
        bound=FLAT_BOUND,
    )


def tables(result: Mapping[str, Any]) -> list[Table]:
    """From what is kept in the file."""
    head = ("row", "Envoy x empty", "over us", "quartiles", "Envoy us", "service us", "req/s")
    return [
        Table(
            name="backends",
            title="Envoy's CPU time a request, over an empty chain",
            head=head,
            rows=[_row(name, one) for name, one in result["costs"].items()],
        ),
        Table(
            name="backends-memory",
            title=f"Envoy's memory, MiB that filters add ({LISTENERS} listeners)",
            head=("backend", "the first", "each further one"),
            rows=[
                (name, f"{one['first']:.1f}", f"{one['further']:.2f}")
                for name, one in result["memory"].items()
            ],
        ),
    ]


def _row(name: str, one: Mapping[str, float]) -> tuple[str, ...]:
    return (
        name if one["quiet"] else f"{name} (noisy)",
        f"{one['total_ratio']:.2f}",
        f"{one['over']:.2f}",
        f"{one['spread']:.2f}",
        f"{one['median']:.1f}",
        f"{one['service']:.1f}" if one["service"] else "-",
        f"{one['per_second']:,.0f}",
    )


def figures(measured: Measured, costs: Mapping[str, Cost]) -> dict[str, Any]:
    """For the file."""
    return {
        "conditions": dict(measured.conditions),
        "failed": measured.rounds.failed,
        "noise": measured.rounds.noise(),
        "unit": unit(costs),
        "costs": {name: asdict(one) for name, one in costs.items()},
        "memory": {name: asdict(one) for name, one in measured.memory.items()},
        "samples": {
            name: [asdict(one) for one in taken] for name, taken in measured.rounds.samples.items()
        },
    }
