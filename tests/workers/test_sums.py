"""Metrics of several processes as one."""

import json
from collections.abc import Iterator
from pathlib import Path

from extproc.support import PC, engine, message
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from colorfast.extproc import Processor, StreamOptions
from colorfast.extproc._metrics import registry
from colorfast.extproc._sums import (
    CUMULATIVE,
    GAUGES,
    Families,
    Family,
    Key,
    added,
    families,
    lasting,
    metrics,
)
from helpers import policies
from helpers.watchers import watcher_of

ADDED = {
    "colorfast_extproc_connections_active",
    "colorfast_extproc_streams_active",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
}
"""Gauges that say how much there is."""


def family(kind: str, name: str = "m", **values: float) -> Families:
    samples: dict[Key, float] = {(name, (("of", key),)): value for key, value in values.items()}
    return (Family(name=name, kind=kind, text="", samples=samples),)


def values(part: Families) -> dict[str, float]:
    return {labels[0][1]: value for one in part for (_, labels), value in one.samples.items()}


def worker(folder: Path, *requests: bytes) -> Families:
    """What a worker that was sent *requests* reports."""
    file = folder / "policy.yaml"
    file.write_text(policies.file(PC))
    processor = Processor(engine())
    for request in requests:
        processor.process(request, StreamOptions())
    return families(registry(processor, watcher_of(file, processor)))


class Shown(Collector):
    def __init__(self, part: Families) -> None:
        self._part = part

    def collect(self) -> Iterator[Metric]:
        return metrics(self._part)


def shown(part: Families) -> str:
    registry = CollectorRegistry()
    registry.register(Shown(part))
    return generate_latest(registry).decode()


def test_counters_are_added_label_by_label() -> None:
    parts = [family("counter", a=1, b=2), family("counter", b=3, c=4)]
    assert values(added(parts)) == {"a": 1, "b": 5, "c": 4}


def test_gauges_are_added_unless_a_row_says_how() -> None:
    assert values(added([family("gauge", a=1), family("gauge", a=2)])) == {"a": 3}
    for name, join in GAUGES.items():
        parts = [family("gauge", name, a=1), family("gauge", name, a=2)]
        assert values(added(parts)) == {"a": join(1, 2)}


def test_every_gauge_of_a_worker_is_decided(tmp_path: Path) -> None:
    """A new gauge has to be thought about: is it an amount?"""
    gauges = {one.name for one in worker(tmp_path) if one.kind not in CUMULATIVE}
    assert gauges - ADDED <= GAUGES.keys()
    assert gauges >= ADDED


def test_what_has_been_counted_outlives_the_process() -> None:
    part = family("counter", "c", a=1) + family("histogram", "h", a=1) + family("gauge", "g", a=1)
    assert [one.name for one in lasting(part)] == ["c", "h"]


def test_adding_changes_none_of_the_parts() -> None:
    parts = [family("counter", a=1), family("counter", a=2)]
    assert added(parts) == added(parts)
    assert values(parts[0]) == {"a": 1}


def test_a_worker_alone_is_shown_as_it_would_show_itself(tmp_path: Path) -> None:
    part = worker(tmp_path, message([("agent", b"pc")]), message())
    sent = tuple(Family.of_json(json.loads(json.dumps(one.as_json()))) for one in part)
    assert sent == part
    text = shown(sent)
    assert (
        'colorfast_extproc_decisions_total{lane="canary",rule="pc-users",station="dye"} 1' in text
    )
    assert "# TYPE colorfast_policy_info gauge" in text
    assert "colorfast_extproc_message_duration_seconds_count 2.0" in text


def test_two_workers_add_up(tmp_path: Path) -> None:
    one, other = worker(tmp_path, message()), worker(tmp_path, message(), message())
    text = shown(added([one, other]))
    name = "colorfast_extproc_message_duration_seconds"
    assert f'{name}_bucket{{le="+Inf"}} 3.0' in text
    assert f"{name}_count 3.0" in text
