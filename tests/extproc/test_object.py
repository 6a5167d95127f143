"""A LanePolicy of a cluster as a source: what of it is judged, and what it is told. No cluster."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colorfast.extproc import ObjectName, Settings
from colorfast.extproc._cache import Cache
from colorfast.extproc._source import Judged
from colorfast.extproc._sources import source_of
from colorfast.extproc.kube import compared, content_of, status_patch
from colorfast.policy import ColorfastError, Diagnostic, load_policy

NOW, LATER = "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"
NAME = ObjectName(namespace="shop", name="web")
GOOD = Judged(generation=3, digest="0123456789abcdef", findings=())
BAD = Judged(
    generation=4, digest=None, findings=(Diagnostic(code="CF201", file="p", what="no lane"),)
)


def thing(spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop", "generation": 3, "resourceVersion": "77"}
    return {
        "apiVersion": "colorfast.dev/v1alpha1",
        "kind": "LanePolicy",
        "metadata": metadata,
        "spec": {"lanes": ["base", "canary"], **(spec or {})},
        **more,
    }


def after(patch: dict[str, Any] | None) -> dict[str, Any]:
    """The thing once *patch* was applied."""
    assert patch is not None
    return thing(status=patch["status"])


# What is judged.


def test_what_others_write_is_no_change() -> None:
    touched = thing(status={"digest": "1"})
    touched["metadata"] |= {"resourceVersion": "78", "labels": {"a": "b"}, "managedFields": []}
    assert content_of(touched) == content_of(thing())
    assert content_of(thing({"default": "base"})) != content_of(thing())


@pytest.mark.parametrize("baseline", ["base", "canary"])
def test_a_lane_that_grows_takes_from_the_baseline(baseline: str) -> None:
    split = {"by": ["sourceIp"], "weights": {"base": 9000, "canary": 1000}}
    text = content_of(thing({"baseline": baseline, "rules": [{"name": "a", "split": split}]}))
    rule = load_policy(text.decode()).policy.rules[0]
    assert not isinstance(rule.gives, str)
    assert rule.gives.shares[-1].lane == baseline


@pytest.mark.parametrize("spec", [None, [], "a", {"rules": 1}, {"rules": [1, {"split": 2}]}])
def test_any_spec_is_a_text(spec: Any) -> None:
    assert json.loads(content_of(thing() | {"spec": spec}))["spec"] == spec


# What is told.


def test_a_status_that_says_so_is_not_written_again() -> None:
    told = after(status_patch(thing(), GOOD, NOW))
    assert status_patch(told, GOOD, LATER) is None


def test_a_status_is_for_the_version_that_was_judged() -> None:
    patch = status_patch(thing(), GOOD, NOW)
    assert patch is not None
    assert patch["metadata"] == {"resourceVersion": "77"}


def test_since_when_stays_while_the_verdict_does() -> None:
    told = after(status_patch(thing(), GOOD, NOW))
    again = after(status_patch(told, replace(GOOD, generation=4), LATER))
    since = {one["type"]: one["lastTransitionTime"] for one in again["status"]["conditions"]}
    assert since == {"Accepted": NOW, "Warned": NOW}
    refused = after(status_patch(told, BAD, LATER))
    since = {one["type"]: one["lastTransitionTime"] for one in refused["status"]["conditions"]}
    assert since == {"Accepted": LATER, "Warned": NOW}


def test_a_refusal_leaves_the_digest_of_the_last_good_one() -> None:
    patch = status_patch(after(status_patch(thing(), GOOD, NOW)), BAD, LATER)
    assert patch is not None
    assert "digest" not in patch["status"]
    assert patch["status"]["diagnostics"] == [
        {"code": "CF201", "level": "error", "what": "no lane"}
    ]


def test_conditions_of_others_stay() -> None:
    other = {"type": "Synced", "status": "True", "lastTransitionTime": NOW, "reason": "a"}
    patch = status_patch(thing(status={"conditions": [other]}), GOOD, LATER)
    assert patch is not None
    assert other in patch["status"]["conditions"]


def test_a_thousand_findings_are_counted_and_not_all_listed() -> None:
    findings = BAD.findings * 1000
    patch = status_patch(thing(), replace(BAD, findings=findings), NOW)
    assert patch is not None
    assert len(patch["status"]["diagnostics"]) == 32
    assert patch["status"]["conditions"][0]["message"].endswith("(and 999 more)")


# Who serves what.


def shown(digest: str = "", **more: Any) -> dict[str, Any]:
    own = load_policy(content_of(thing()).decode()).policy.digest
    return {"source": str(NAME), "digest": digest or own, "generation": 3, **more}


def test_pods_and_workers_are_compared_with_the_object() -> None:
    workers = [{"worker": 0, "digest": shown()["digest"]}, {"worker": 1, "digest": None}]
    pods: dict[str, Any] = {
        "a": shown(),
        "b": shown(workers=workers),
        "c": "it answered 503",
        "d": shown() | {"source": "policy.yaml"},
    }
    fleet = compared(NAME, thing(), pods)
    states = [(one.pod, one.worker, one.state) for one in fleet.seen]
    assert states == [
        ("a", None, "same"),
        ("b", 0, "same"),
        ("b", 1, "differs"),
        ("c", None, "silent"),
    ]
    assert fleet.elsewhere == ("d",)
    assert not fleet.agrees
    assert compared(NAME, thing(), {"a": shown()}).agrees
    assert not compared(NAME, thing(), {}).agrees
    assert not compared(NAME, None, {"a": shown()}).agrees


# Names, settings, the cache.


@pytest.mark.parametrize("text", ["shop/web", "k8s://shop/web", "k8s://a-1/web.v2-x"])
def test_names_of_objects(text: str) -> None:
    assert str(ObjectName.parse(text)) == "k8s://" + text.removeprefix("k8s://")


@pytest.mark.parametrize(
    "text",
    ["k8s://", "k8s://a", "k8s:///a", "k8s://a/", "k8s://a/b/c", "k8s://A/b", "a.b/c", "a/-"],
)
def test_what_is_no_name_of_an_object(text: str) -> None:
    with pytest.raises(ValueError, match="NAMESPACE/NAME"):
        ObjectName.parse(text)


@pytest.mark.parametrize(
    "settings",
    [
        {"policy": "k8s://shop"},
        {"policy": "policy.yaml", "policy_cache": "cache"},
        {"policy": "k8s://a/b", "policy_wait": -1.0},
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"policy|NAMESPACE"):
        Settings(**settings)


def test_who_asks_no_cluster_does_not_pay_for_its_client() -> None:
    program = "import sys, colorfast.extproc; sys.exit('lightkube' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_without_a_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("colorfast.extproc.kube")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightkube", None)
    with pytest.raises(ColorfastError, match="lightkube") as caught:
        source_of(Settings(policy="k8s://a/b"))
    assert caught.value.code == "CF634"


def test_a_cache_gives_back_what_it_kept(tmp_path: Path) -> None:
    cache = Cache.at(str(tmp_path / "policy"))
    assert cache.read() is None
    for content in (b"one", b"other"):
        cache.keep(content)
        assert cache.read() == content
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Cache.at(str(tmp_path / "none" / "policy")).keep(b"one")
    assert "could not be kept" in caplog.text
