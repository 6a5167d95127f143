"""Prometheus: what the counters say at the moment of a scrape.

Labels are stations, phases, lanes or their families, and rule names: what the policy's author
wrote, never what a request holds.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from colorfast.extproc._counters import BOUNDS, Counters
from colorfast.extproc._guard import Guard
from colorfast.extproc._processor import Processor
from colorfast.extproc._watch import Watcher

K = TypeVar("K", bound=tuple[str, ...])

VERSION: Final = version("colorfast")


def registry(
    processor: Processor, watcher: Watcher, guard: Guard | None = None
) -> CollectorRegistry:
    """Everything that ``/metrics`` shows, this process's memory and CPU time included."""
    result = CollectorRegistry(auto_describe=False)
    result.register(_ExtProc(processor, watcher, guard))
    ProcessCollector(registry=result)
    PlatformCollector(registry=result)
    GCCollector(registry=result)
    return result


class _ExtProc(Collector):
    def __init__(self, processor: Processor, watcher: Watcher, guard: Guard | None) -> None:
        self._processor = processor
        self._watcher = watcher
        self._guard = guard

    def collect(self) -> Iterator[Metric]:
        yield from _messages(self._processor.counters)
        yield GaugeMetricFamily(
            "colorfast_extproc_unforwarded",
            "Headers and attributes that the policy reads and some Envoy does not send.",
            value=len(self._processor.unforwarded),
        )
        yield from _policy(self._watcher)
        yield from _source(self._watcher)
        if self._guard is not None:
            yield from _tls(self._guard)


def _messages(counters: Counters) -> Iterator[Metric]:
    yield _counter(
        "colorfast_extproc_messages",
        "Messages answered or refused.",
        ("station", "phase", "outcome"),
        counters.messages,
    )
    yield _counter(
        "colorfast_extproc_decisions",
        "Requests by lane (or family of lanes) and the rule that decided; empty: none.",
        ("station", "lane", "rule"),
        counters.decisions,
    )
    yield _counter(
        "colorfast_extproc_refused_values",
        "Baggage dropped because Envoy would have failed the request for it.",
        (),
        {(): counters.refused_values},
    )
    yield GaugeMetricFamily(
        "colorfast_extproc_streams_active",
        "Streams that are open.",
        value=counters.streams_active,
    )
    yield from _connections(counters)
    bounds = [*map(str, BOUNDS), "+Inf"]
    yield HistogramMetricFamily(
        "colorfast_extproc_message_duration_seconds",
        "Time from a message's bytes to its answer's bytes.",
        buckets=list(zip(bounds, accumulate(counters.buckets), strict=True)),
        sum_value=counters.duration_sum,
    )


def _connections(counters: Counters) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "colorfast_extproc_connections_active",
        "Connections that are open, with the transport http2.",
        value=counters.connections_active,
    )
    yield _counter(
        "colorfast_extproc_floods",
        "Connections ended because their peers flooded them, by what there was too much of.",
        ("kind",),
        counters.floods,
    )
    yield _counter(
        "colorfast_extproc_broken_connections",
        "Connections ended because their peers broke HTTP/2, by the error of RFC 9113.",
        ("error",),
        counters.broken_connections,
    )


def _policy(watcher: Watcher) -> Iterator[Metric]:
    policy = watcher.state.engine.policy
    yield InfoMetricFamily(
        "colorfast_policy",
        "The policy that is served.",
        value={"name": policy.name, "digest": policy.digest, "version": VERSION},
    )
    yield _counter(
        "colorfast_policy_reloads",
        "Changes of the policy's source by what became of them.",
        ("result",),
        {(str(verdict),): count for verdict, count in watcher.results.items()},
    )
    yield GaugeMetricFamily(
        "colorfast_policy_last_reload_success_timestamp_seconds",
        "When the policy that is served was loaded.",
        value=watcher.state.loaded_at,
    )


def _source(watcher: Watcher) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "colorfast_policy_current",
        "Whether what is served is what the source holds; 0: it is refused, gone or away.",
        value=watcher.state.refusal is None,
    )
    yield _counter(
        "colorfast_policy_status_writes",
        "Statuses of the LanePolicy that were to be written, by what became of them.",
        ("result",),
        {(result,): count for result, count in watcher.source.tells.items()},
    )


def _tls(guard: Guard) -> Iterator[Metric]:
    yield _counter(
        "colorfast_tls_refused",
        "Connections (with the transport grpcio: calls) that were not let in.",
        ("reason",),
        {(reason,): count for reason, count in guard.refusals.items()},
    )
    yield _counter(
        "colorfast_tls_reloads",
        "Changes of the TLS files by what became of them.",
        ("result",),
        {(result,): count for result, count in guard.certificates.results.items()},
    )
    if guard.certificates.expires is not None:
        yield GaugeMetricFamily(
            "colorfast_tls_certificate_expiry_timestamp_seconds",
            "When the certificate that is served ends.",
            value=guard.certificates.expires,
        )


def _counter(name: str, text: str, labels: tuple[str, ...], values: Mapping[K, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
