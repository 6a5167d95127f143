"""What is measured while a release runs, as each controller wants it written."""

from collections.abc import Iterator

from colorfast.k8s import Json, slug
from colorfast.release._model import Analysis, Metric, Stage
from colorfast.release.generate._site import Site

ARGO = "argoproj.io/v1alpha1"

_MEASUREMENTS = 10
"""Of an AnalysisRun whose step waits for a person."""


def argo_template(site: Site, lane: str, namespace: str) -> Iterator[Json]:
    """The AnalysisTemplate for the requests of *lane*; none where nothing is measured."""
    analysis = site.release.analysis
    if analysis is None:
        return
    name = template_name(site, lane)
    yield site.manifest(ARGO, "AnalysisTemplate", name, namespace) | {
        "spec": {
            "args": [{"name": "lane", "value": lane}],
            "metrics": [_argo_metric(analysis, one) for one in analysis.metrics],
        }
    }


def template_name(site: Site, lane: str) -> str:
    """The name of the AnalysisTemplate of *lane*."""
    return slug(f"{site.release.name}-{lane}")


def argo_run(site: Site, stage: Stage, namespace: str) -> Iterator[Json]:
    """The AnalysisRun beside one share of the dye. It aborts nothing: a person reads it.

    A run that aborted its Rollout would take the pods from requests that are still in the lane.
    """
    analysis = site.release.analysis
    if analysis is None:
        return
    name = slug(f"{site.release.name}-{stage.weight / 100:g}".replace(".", "-"))
    count = max(1, stage.pause // analysis.interval) if stage.pause else _MEASUREMENTS
    metrics = [_argo_metric(analysis, one) | {"count": count} for one in analysis.metrics]
    yield site.manifest(ARGO, "AnalysisRun", name, namespace) | {
        "spec": {"args": [{"name": "lane", "value": site.lane}], "metrics": metrics}
    }


def _argo_metric(analysis: Analysis, metric: Metric) -> Json:
    return {
        "name": metric.name,
        "interval": f"{analysis.interval}s",
        "failureLimit": metric.failure_limit,
        "successCondition": f"result[0] {metric.condition}",
        "provider": {"prometheus": {"address": analysis.prometheus, "query": metric.query}},
    }


def flagger_template(site: Site, metric: Metric, namespace: str) -> Json:
    """A MetricTemplate of Flagger."""
    assert site.release.analysis is not None  # noqa: S101 (the caller has its metric)
    provider = {"type": "prometheus", "address": site.release.analysis.prometheus}
    name = slug(f"{site.release.name}-{metric.name}")
    return site.manifest("flagger.app/v1beta1", "MetricTemplate", name, namespace) | {
        "spec": {"provider": provider, "query": metric.query}
    }
