"""Releases that a controller would play wrongly are refused, and what it does not know is said."""

import pytest
import yaml
from release.cases import CASES, GOLDEN, generated, load, release_of

from colorfast.policy import InvalidInput
from colorfast.release import load_release
from colorfast.release.generate import generate


def refused(case: str, old: str, new: str) -> list[str]:
    file = GOLDEN / case / "release.yaml"
    text = file.read_text()
    assert old in text
    release = load(text.replace(old, new), file.parent)
    with pytest.raises(InvalidInput) as caught:
        generate(release)
    found = caught.value.diagnostics
    return [f"{one.code}:{one.line}" for one in found if one.level == "error"]


REFUSALS: dict[str, tuple[str, str, str, list[str]]] = {
    "one pod under a header route": ("argo-managed", "replicas: 2", "replicas: 1", ["CF820:13"]),
    "a share that routes cannot have": ("istio-single", "weight: 5", "weight: 2.5", ["CF821:0"]),
    "weights beside Flagger's": (
        "flagger-locked",
        "  split: {by: [{cookie: uid}, sourceIp]}\n",
        "  share: weights\n",
        ["CF821:0", "CF822:0"],
    ),
    "a condition without a bound": ("flagger-single", ">= 0.99", "!= 0", ["CF824:0"]),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_controller_would_play_wrongly_is_refused(name: str) -> None:
    case, old, new, codes = REFUSALS[name]
    assert refused(case, old, new) == codes


def test_a_lane_whose_subset_the_release_needs_gets_another_name_or_is_refused() -> None:
    mesh = (GOLDEN / "mesh-lanes.yaml").read_text()
    file = GOLDEN / "kruise-single" / "release.yaml"
    texts = {"../policy.yaml": (GOLDEN / "policy.yaml").read_text(), "../mesh.yaml": mesh}
    made = generate(load_release(file.read_text(), read=texts.__getitem__).release).files
    routes = yaml.safe_load(made["00-install/stock/virtualservice-mockc-lanes.yaml"])["spec"][
        "http"
    ]
    rule = yaml.safe_load(made["00-install/stock/destinationrule-mockc-lanes.yaml"])["spec"]
    assert [one["name"] for one in rule["subsets"]] == ["base", "canary", "lane-canary", "pr-42"]
    led = {one["name"]: one["route"][0]["destination"]["subset"] for one in routes}
    assert led == {"mockc.canary": "lane-canary", "mockc.pr-42": "pr-42", "mockc.base": "base"}
    texts["../mesh.yaml"] = mesh.replace("spec:\n", "spec:\n  fallback: endpoints\n")
    with pytest.raises(InvalidInput) as caught:
        generate(load_release(file.read_text(), read=texts.__getitem__).release)
    assert [one.code for one in caught.value.diagnostics if one.level == "error"] == ["CF825"]


def test_a_split_that_reads_what_filters_do_not_send_is_said() -> None:
    (one,) = generated("istio-locked").diagnostics
    assert (one.code, one.level) == ("CF826", "warning")
    assert "cookie uid or sourceIp" in one.what
    assert "03-dye-2-5/lanepolicy-shop.yaml" in generated("istio-locked").files["runbook.md"]
    file = GOLDEN / "istio-locked" / "release.yaml"
    policy = (GOLDEN / "policy.yaml").read_text() + (
        "  rules:\n  - name: known\n    match: [{cookies: {uid: {exact: '1'}}, "
        "sourceIp: [10.0.0.0/8]}]\n    lane: base\n"
    )
    texts = {
        "../policy.yaml": policy,
        "../mesh-lanes.yaml": (GOLDEN / "mesh-lanes.yaml").read_text(),
    }
    assert (
        generate(load_release(file.read_text(), read=texts.__getitem__).release).diagnostics == ()
    )


MEASURING = {"argo-locked", "argo-ordered", "argo-single", "flagger-ordered", "flagger-single"} | {
    f"kubevela-{pattern}" for pattern in ("locked", "ordered", "single")
}


@pytest.mark.parametrize("case", [case for case in CASES if release_of(case).analysis])
def test_measurements_that_nobody_takes_are_said(case: str) -> None:
    said = "CF827" in {one.code for one in generated(case).diagnostics}
    queries = "sum(rate(ok[1m]))" in "".join(generated(case).files.values())
    assert said == (case not in MEASURING) == (not queries)


@pytest.mark.parametrize("case", CASES)
def test_every_share_can_be_taken_back_by_itself(case: str) -> None:
    _, back = generated(case).files["runbook.md"].split("# Giving it up")
    sections = [one for one in back.split("## ") if "Dye nobody" in one.partition("\n")[0]]
    locked = release_of(case).pattern == "locked" and release_of(case).share != "weights"
    assert [one.count("```sh") for one in sections] == ([1] if locked else [])


def test_pauses_that_flagger_does_not_know_are_said() -> None:
    file = GOLDEN / "flagger-single" / "release.yaml"
    text = file.read_text().replace("weight: 25", "weight: 25, pause: 5m")
    (one,) = generate(load(text, file.parent)).diagnostics
    assert (one.code, one.level) == ("CF823", "warning")
