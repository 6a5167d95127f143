"""What the ext_proc benchmark prints and keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks._config import OURS, PEER, PLAIN
from benchmarks._rounds import FOREIGN, Figure, Rounds

FIGURES: Mapping[str, Figure] = {
    "requests/s": lambda sample: sample.per_second,
    "service CPU": lambda sample: sample.service_us,
    "Envoy CPU": lambda sample: sample.envoy_us,
    "p50": lambda sample: sample.p50,
    "p99": lambda sample: sample.p99,
}
"""CPU in microseconds a request, p50 and p99 in milliseconds."""

COMPARED = {
    PLAIN: ("requests/s", "Envoy CPU", "p99"),
    PEER: ("requests/s", "service CPU", "Envoy CPU", "p99"),
}
"""Ours to what, and by which figures: without a filter there is no service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that came out behind Envoy."""

    rounds: Mapping[int, Rounds]
    """By the number of connections."""
    rows: tuple[str, ...]
    memory: Mapping[str, float]
    """MiB of each service when all was done, by its row's name."""
    conditions: Mapping[str, Any]

    @property
    def failed(self) -> int:
        """Requests that failed or were not dyed."""
        return sum(rounds.failed for rounds in self.rounds.values())

    def ratios(self, connections: int) -> dict[str, dict[str, float]]:
        """Ours to each other row, by figure."""
        rounds = self.rounds[connections]
        return {
            base: {name: rounds.ratio(OURS, base, FIGURES[name]) for name in names}
            for base, names in COMPARED.items()
            if base in self.rows
        }

    def medians(self, connections: int, row: str) -> dict[str, float]:
        rounds = self.rounds[connections]
        return {name: rounds.median(row, figure) for name, figure in FIGURES.items()}


def print_ratios(measured: Measured) -> None:
    for connections in measured.rounds:
        for base, ratios in measured.ratios(connections).items():
            cells = "  ".join(f"{name} x{_short(value)}" for name, value in ratios.items())
            print(f"  {connections:3} connections, ours to {base}: {cells}")


def print_rows(measured: Measured) -> None:
    for name, text in measured.conditions.items():
        if isinstance(text, str) and name not in ("load", "cores"):
            print(f"  {name}: {text}")
    print(
        f"  {'connections, row':24}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'Envoy us':>10}{'service us':>12}{'failed':>8}{'RSS MiB':>9}"
    )
    for connections, rounds in measured.rounds.items():
        for row in measured.rows:
            print(_line(measured, connections, row))
        print(f"      {_noise(rounds)}")
    kept = not measured.failed
    print(f"  {'ok  ' if kept else 'FAIL'} requests failed or not dyed: {measured.failed}")


def print_costs(costs: Mapping[str, Mapping[str, float]]) -> None:
    """Of the processor alone."""
    for shape, row in costs.items():
        print(
            f"  {shape:22} forwarded headers only x{row['ratio']:.2f} of all"
            f" ({row['forwarded']:.2f} us, {row['all']:.2f} us)"
        )


def figures(measured: Measured) -> dict[str, Any]:
    """For the file."""
    return {
        "conditions": dict(measured.conditions),
        "failed": measured.failed,
        "memory": dict(measured.memory),
        "connections": {
            str(connections): {
                "ratios": measured.ratios(connections),
                "medians": {row: measured.medians(connections, row) for row in measured.rows},
                "noise": _noise(rounds),
                "rounds": [
                    {name: asdict(sample) for name, sample in one.items()} for one in rounds.every
                ],
            }
            for connections, rounds in measured.rounds.items()
        },
    }


def _line(measured: Measured, connections: int, row: str) -> str:
    median = measured.medians(connections, row)
    has_service = row in measured.memory
    service = f"{median['service CPU']:.1f}" if has_service else "-"
    memory = f"{measured.memory[row]:.0f}" if has_service else "-"
    failed = sum(one[row].failed for one in measured.rounds[connections].every)
    return (
        f"  {connections:3} {row:20}{median['requests/s']:8,.0f}{median['p50']:9.2f}"
        f"{median['p99']:9.2f}{median['Envoy CPU']:10.1f}{service:>12}{failed:8}{memory:>9}"
    )


def _noise(rounds: Rounds) -> str:
    text = f"{len(rounds.quiet)} of {len(rounds.every)} rounds quiet, {len(rounds.discarded)}"
    text += f" samples discarded (others used more than {FOREIGN:.0%} of a core)"
    return text if rounds.quiet else f"{text}: FIGURES ARE NOISY"


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
