"""Metrics of several processes as one: what the parent of workers shows.

A family goes from a worker to its parent as plain data, so this knows nothing of what is counted.
Counters and histograms are added. Of gauges, those that say how much there is are added too; the
rest have a row in ``GAUGES``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

GAUGES: Final[dict[str, Callable[[float, float], float]]] = {
    # The same name can be missing in each worker: the one that misses most tells.
    "colorfast_extproc_unforwarded": max,
    # One row a digest, each 1: several rows while workers differ.
    "colorfast_policy": max,
    # One worker that is behind is enough.
    "colorfast_policy_current": min,
    # The worker that is furthest behind tells.
    "colorfast_policy_last_reload_success_timestamp_seconds": min,
    # The certificate that ends first tells.
    "colorfast_tls_certificate_expiry_timestamp_seconds": min,
    "process_max_fds": min,
    "process_start_time_seconds": min,
    "python_info": max,
}
"""How two values of a gauge (or an info) become one, by the family's name; else they are added."""

CUMULATIVE: Final = ("counter", "histogram")
"""Types that only grow: what a dead worker has counted stays counted."""

Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and its labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric family: *kind* is its Prometheus type, *text* its help."""

    name: str
    kind: str
    text: str
    samples: dict[Key, float]

    def as_json(self) -> list[Any]:
        """Plain data that ``of_json`` reads."""
        samples = [[name, labels, value] for (name, labels), value in self.samples.items()]
        return [self.name, self.kind, self.text, samples]

    @staticmethod
    def of_json(data: list[Any]) -> "Family":
        """The family that ``as_json`` wrote."""
        name, kind, text, rows = data
        samples = {
            (sample, tuple((label, value) for label, value in labels)): float(number)
            for sample, labels, number in rows
        }
        return Family(name=name, kind=kind, text=text, samples=samples)


Families: TypeAlias = tuple[Family, ...]


def families(collector: Collector) -> Families:
    """What *collector* (a registry, for instance) shows now."""
    return tuple(
        Family(
            name=metric.name,
            kind=metric.type,
            text=metric.documentation,
            samples={
                (sample.name, tuple(sample.labels.items())): sample.value
                for sample in metric.samples
            },
        )
        for metric in collector.collect()
    )


def added(parts: Iterable[Families]) -> Families:
    """All of *parts* as one, families and samples in the order in which they first came."""
    sums: dict[str, Family] = {}
    for family in (family for part in parts for family in part):
        before = sums.get(family.name)
        sums[family.name] = family if before is None else _two(before, family)
    return tuple(sums.values())


def lasting(part: Families) -> Families:
    """What of *part* stays true when its process is gone."""
    return tuple(family for family in part if family.kind in CUMULATIVE)


def metrics(part: Families) -> Iterator[Metric]:
    """*part* as Prometheus writes it."""
    for family in part:
        metric = Metric(family.name, family.text, family.kind)
        for (name, labels), value in family.samples.items():
            metric.add_sample(name, dict(labels), value)
        yield metric


def total(part: Families, name: str) -> float:
    """The sum of all samples of the family *name*."""
    return sum(sum(family.samples.values()) for family in part if family.name == name)


def _two(one: Family, other: Family) -> Family:
    join = GAUGES.get(one.name, _plus)
    samples = dict(one.samples)
    for key, value in other.samples.items():
        samples[key] = join(samples[key], value) if key in samples else value
    return replace(one, samples=samples)


def _plus(one: float, other: float) -> float:
    return one + other
