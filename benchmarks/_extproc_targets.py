"""What the ext_proc service was promised to reach, each as a ratio within one run."""

from collections.abc import Mapping
from typing import Final

from benchmarks._alone import AloneMeasured
from benchmarks._behind import PartMeasured
from benchmarks._bench import Asking
from benchmarks._names import FLOOR, GO, GRPCIO, HTTP2, WORKERS
from benchmarks._parts import BOTH, MAIN, SHAPED, Cell
from benchmarks._rounds import Figure
from benchmarks._soak import ENOUGH, Soaked
from benchmarks._targets import Target

FIGURES: Mapping[str, Figure] = {
    "requests/s": lambda sample: sample.per_second,
    "service CPU": lambda sample: sample.service_us,
    "Envoy CPU": lambda sample: sample.envoy_us,
    "p50": lambda sample: sample.p50,
    "p99": lambda sample: sample.p99,
}
"""CPU in microseconds a request, p50 and p99 in milliseconds."""

SLOPE_BOUND: Final = 1.0
"""MiB a million of requests, so a byte a request: no object that is kept is as small."""

REFERENCE: Final = 23.0
"""Microseconds of the Go peer for curl's request where the bounds of microseconds were set.

Machines differ in how fast they are at everything, so CPU is scaled by what the Go peer takes in
the same part of the same run; the tables have the microseconds of this machine."""

_RATE, _CPU, _P99 = "requests/s", "service CPU", "p99"


class Judge:
    """Looks figures up; None for what was not measured."""

    def __init__(
        self,
        parts: Mapping[str, PartMeasured],
        alone: AloneMeasured | None,
        soaked: Soaked | None,
    ) -> None:
        self._parts = parts
        self._alone = alone
        self._soaked = soaked

    def targets(self) -> list[Target]:
        """Of issue and documentation, in their order."""
        return [
            _least("64 connections: requests/s, to the C floor's", self._main(FLOOR, _RATE), 0.95),
            _least("64 connections: requests/s, to grpcio's", self._main(GRPCIO, _RATE), 4),
            _least("64 connections: requests/s, to Go's", self._main(GO, _RATE), 1),
            _most("64 connections: service CPU, to Go's", self._main(GO, _CPU), 0.5),
            _most("16 connections: p99, to Go's", self._main(GO, _P99, connections=16), 1),
            _least("server alone: requests/s, to Go's", self._ratio_alone(GO), 1.5),
            _least("two workers each: requests/s, to Go's", self._workers(_RATE), 1),
            _most("two workers each: service CPU, to Go's", self._workers(_CPU), 0.5),
            *(
                _most(
                    f"64 connections, {shape}: service CPU, at {REFERENCE:g} us of Go's for curl",
                    self._cpu(part, shape),
                    us,
                    " us",
                )
                for part, shape, us in (
                    (MAIN, "curl", 15),
                    (SHAPED, "curl and baggage", 15),
                    (SHAPED, "browser, 8 KiB cookie", 20),
                )
            ),
            self._slope(),
        ]

    def _main(self, base: str, figure: str, *, connections: int = 64) -> float | None:
        return self._ratio(
            MAIN,
            Cell(row=HTTP2, connections=connections),
            Cell(row=base, connections=connections),
            figure,
        )

    def _workers(self, figure: str) -> float | None:
        pair = Cell(row=WORKERS, connections=64), Cell(row=GO, connections=64)
        return self._ratio(BOTH, *pair, figure)

    def _ratio(self, part: str, cell: Cell, base: Cell, figure: str) -> float | None:
        measured = self._parts.get(part)
        if measured is None or not {cell, base} <= measured.rounds.samples.keys():
            return None
        return measured.rounds.ratio(cell, base, FIGURES[figure])

    def _cpu(self, part: str, shape: str) -> float | None:
        pair = Cell(row=HTTP2, connections=64, shape=shape), Cell(row=GO, connections=64)
        to_go = self._ratio(part, *pair, _CPU)
        return None if to_go is None else to_go * REFERENCE

    def _ratio_alone(self, base: str) -> float | None:
        ours, theirs = Asking(server=HTTP2), Asking(server=base)
        if self._alone is None or not {ours, theirs} <= self._alone.rounds.samples.keys():
            return None
        return self._alone.rounds.ratio(ours, theirs, FIGURES[_RATE])

    def _slope(self) -> Target:
        soaked = self._soaked
        if soaked is None:
            return _most("soak: memory", None, SLOPE_BOUND, " MiB a million")
        done = soaked.requests[-1]
        return Target(
            name=f"soak, {soaked.server}, {done:,} requests: memory",
            value=soaked.slope if done >= ENOUGH else None,
            bound=SLOPE_BOUND,
            unit=" MiB a million",
            why=f"it takes {ENOUGH:,} requests to tell",
        )


def _most(name: str, value: float | None, bound: float, unit: str = "") -> Target:
    return Target(name=name, value=value, bound=bound, unit=unit)


def _least(name: str, value: float | None, bound: float, unit: str = "") -> Target:
    return Target(name=name, value=value, bound=bound, sense="at least", unit=unit)
