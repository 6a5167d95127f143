"""Releases that Colorfast writes, played by the real Argo Rollouts controller."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from lab.kube import build
from lab.kube._argo import running_argo
from lab.kube._cases import CASES, GOLDEN, Case, loaded
from lab.kube._lab import Lab
from lab.kube._nodes import Nodes
from lab.kube._play import playing
from lab.kube._plays import play_cases, play_restarted, settled, twice
from lab.kube._prometheus import Prometheus
from lab.kube._record import Watches
from lab.kube._rig import Cluster
from lab.kube._traffic import behind, ready
from lab.kube.fuzz import problems

SEEDS = range(16)
"""Of random releases: the same ones every time. ``make lab-fuzz`` draws others."""

ARGO = [case for case in CASES if case.startswith("argo-")]


@pytest.fixture(scope="session")
def lab(defined: Cluster, nodes: Nodes, watches: Watches, prometheus: Prometheus) -> Iterator[Lab]:
    if why := build.missing().get("argo-rollouts"):
        pytest.skip(f"argo-rollouts is missing: {why}")
    with running_argo(defined, watches) as argo:
        yield Lab(
            cluster=defined, controls=argo, watches=watches, nodes=nodes, prometheus=prometheus
        )


def test_whatever_happens_is_what_the_model_says(lab: Lab, pytestconfig: pytest.Config) -> None:
    found = settled(play_cases(lab, ARGO, pytestconfig), pytestconfig)
    assert not found, "\n".join(found)


def test_a_controller_that_is_restarted_goes_on(lab: Lab, pytestconfig: pytest.Config) -> None:
    found = twice(lambda: settled(play_restarted(lab, *ARGO), pytestconfig))
    assert not found, "\n".join(found)


def test_random_releases_are_what_the_model_says(lab: Lab) -> None:
    def play() -> list[str]:
        with ThreadPoolExecutor(len(SEEDS)) as pool:
            return [line for one in pool.map(partial(problems, lab), SEEDS) for line in one]

    found = twice(play)
    assert not found, "\n".join(found)


def test_lanes_fall_back_to_stable_pods_before_during_and_after_a_release(lab: Lab) -> None:
    def read(name: str) -> str:
        text = (GOLDEN / "argo-single" / name).read_text()
        return text.replace("spec:\n  entry:", "spec:\n  fallback: endpoints\n  entry:")

    def made(prefix: str) -> Case:
        return loaded("argo-single", read, prefix, lab.prometheus.url)

    with playing(lab.cluster, lab.controls, lab.watches, made) as player:
        assert player.release.mesh.fallback == "endpoints"
        start = player.recorder.last().revision
        player.forward()
        states = [one for one in player.recorder.states() if one.revision >= start]
    (change,) = player.release.changes
    counts = [behind(one, change.service.host, player.release.policy.baseline) for one in states]
    assert min(counts) > 0, counts
    assert not ready(states[-1], change, change.old)
