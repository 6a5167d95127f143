"""``fallback: endpoints``: the filters' baseline has pods before, during and after a release."""

from typing import Any

import pytest
import yaml

from colorfast.release import Change, Controller, Release
from colorfast.release.generate import INSTALL, generate
from helpers import releases

CONTROLLED: tuple[Controller, ...] = ("argo-rollouts", "flagger", "kruise")
"""Controllers that move the requests of a single release themselves."""


def single(controller: Controller) -> Release:
    mesh = {"fallback": "endpoints"}
    return releases.release(released=["b"], pattern="single", controller=controller, mesh=mesh)


def installed(release: Release, kind: str) -> dict[str, Any]:
    """The object of *kind* that the release installs."""
    files = generate(release).files.items()
    texts = [text for name, text in files if name.startswith(f"{INSTALL}/") and f"/{kind}-" in name]
    (one,) = map(yaml.safe_load, texts)
    return dict(one)


def stable_labels(release: Release, change: Change) -> dict[str, str]:
    """What stable pods have, whichever version they are."""
    if release.controller == "argo-rollouts":
        rollout = installed(release, "rollout")["spec"]
        template = rollout["template"]
        role = rollout["strategy"]["canary"]["stableMetadata"]["labels"]
    else:
        template = installed(release, "deployment")["spec"]["template"]
        # Flagger's copy for the stable pods has another value of the label that it selects by.
        role = {"name": f"{change.name}-primary"} if release.controller == "flagger" else {}
    labels: dict[str, str] = template["metadata"]["labels"] | role
    labels.pop(change.label)
    return labels


@pytest.mark.parametrize("controller", CONTROLLED)
def test_the_baselines_subset_has_the_stable_pods_of_either_version(controller: Controller) -> None:
    release = single(controller)
    (change,) = release.changes
    subsets = installed(release, "destinationrule")["spec"]["subsets"]
    (base,) = [one["labels"] for one in subsets if one["name"] == "base"]
    assert base.items() <= stable_labels(release, change).items()


def test_without_filters_no_pod_gets_a_label_for_them() -> None:
    release = releases.release(released=["b"], pattern="single", controller="argo-rollouts")
    assert "stableMetadata" not in installed(release, "rollout")["spec"]["strategy"]["canary"]
