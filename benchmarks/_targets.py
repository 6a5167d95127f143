"""Targets: what was promised, what was measured, and how far apart the two are."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Sense: TypeAlias = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One promise. *value* is None when what it is about was not measured; *why* says why."""

    name: str
    value: float | None
    bound: float
    sense: Sense = "at most"
    unit: str = ""
    why: str = "a row of it was not measured"

    @property
    def kept(self) -> bool | None:
        """None when it was not measured. No number is no pass."""
        if self.value is None:
            return None
        return self.value <= self.bound if self.sense == "at most" else self.value >= self.bound

    @property
    def distance(self) -> str:
        """From the bound, in parts of the bound."""
        assert self.value is not None
        if not math.isfinite(self.value):
            return "no ratio: noise is larger than the figure"
        part = abs(self.value - self.bound) / abs(self.bound)
        missed = "past it" if self.sense == "at most" else "short of it"
        return f"{part:.0%} {'to spare' if self.kept else missed}"

    def __str__(self) -> str:
        bound = f"{self.sense} {self.bound:g}{self.unit}"
        if self.value is None:
            return f"ABSENT {self.name} ({bound}): {self.why}"
        word = "PASS  " if self.kept else "MISSED"
        return f"{word} {self.name}: {self.value:.3g}{self.unit} ({bound}; {self.distance})"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"kept": self.kept, "text": str(self)}


def print_targets(targets: Iterable[Target]) -> bool:
    """Whether none was missed."""
    kept = True
    for target in targets:
        print(f"  {target}")
        kept &= target.kept is not False
    return kept


def quotient(one: float, other: float) -> float:
    """*one* to *other*, two differences; infinite where noise has eaten one of them."""
    return one / other if one > 0 and other > 0 else math.inf
