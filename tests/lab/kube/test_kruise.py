"""Releases that Colorfast writes, played by the real OpenKruise Rollouts controller."""

from collections.abc import Iterator

import pytest
from lab.kube import build
from lab.kube._cases import CASES
from lab.kube._kruise import running_kruise
from lab.kube._lab import Lab
from lab.kube._nodes import Nodes
from lab.kube._plays import play_cases, play_restarted, settled, twice
from lab.kube._prometheus import Prometheus
from lab.kube._record import Watches
from lab.kube._rig import Cluster

AT_ONCE = 8
"""Plays side by side: Kruise's client is throttled to 20 requests a second, and more only wait."""

KRUISE = [case for case in CASES if case.startswith("kruise-")]


@pytest.fixture(scope="session")
def lab(defined: Cluster, nodes: Nodes, watches: Watches, prometheus: Prometheus) -> Iterator[Lab]:
    if why := build.missing().get("kruise-rollouts"):
        pytest.skip(f"kruise-rollouts is missing: {why}")
    with running_kruise(defined, watches) as kruise:
        yield Lab(
            cluster=defined, controls=kruise, watches=watches, nodes=nodes, prometheus=prometheus
        )


@pytest.mark.parametrize("case", KRUISE)
def test_whatever_happens_is_what_the_model_says(
    lab: Lab, case: str, pytestconfig: pytest.Config
) -> None:
    played = play_cases(lab, [case], pytestconfig, at_once=AT_ONCE)
    found = settled(played, pytestconfig)
    assert not found, "\n".join(found)


def test_a_controller_that_is_restarted_goes_on(lab: Lab, pytestconfig: pytest.Config) -> None:
    found = twice(lambda: settled(play_restarted(lab, *KRUISE), pytestconfig))
    assert not found, "\n".join(found)
