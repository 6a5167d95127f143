"""Every object that we generate passes the schemas of those who read it.

Istio's and Argo's from npm, Kubernetes' own from ``kubernetes-validate``.
"""

from copy import deepcopy
from functools import cache, reduce
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from validators import install
from validators.node import Verdicts, judge, need_validators

ROOT = Path(__file__).parents[2]
GENERATED = ("k8s/examples/generated", "tests/golden/k8s", "tests/golden/release")
BY_HAND = "k8s/kustomize"
"""Written, not generated, and some of it is patches: its objects of Istio are whole."""

KUBERNETES = "1.34"
CORE = ("", "apps", "policy", "autoscaling")
"""API groups that Kubernetes itself has schemas for."""

UNKNOWN = {
    "colorfast.dev/LaneMesh",
    "colorfast.dev/LanePolicy",
    "colorfast.dev/LaneRelease",
    "core.oam.dev/Application",
    "core.oam.dev/TraitDefinition",
    "core.oam.dev/WorkflowStepDefinition",
    "flagger.app/Canary",
    "flagger.app/MetricTemplate",
    "rollouts.kruise.io/Rollout",
    "rollouts.kruise.io/TrafficRouting",
}
"""Kinds that no package knows: our own have their models, the others schemas in tests/release."""

Object = dict[str, Any]


@cache
def generated() -> dict[str, Object]:
    """By file and place in it, every object that a folder of ours holds."""
    return {
        f"{path.relative_to(ROOT)}#{index}": one
        for folder in (*GENERATED, BY_HAND)
        for path in sorted((ROOT / folder).rglob("*.yaml"))
        for index, one in enumerate(yaml.safe_load_all(path.read_text()))
        if isinstance(one, dict) and {"apiVersion", "kind"} <= one.keys()
        if folder != BY_HAND or group(one).endswith(".istio.io")
    }


@cache
def verdicts() -> Verdicts:
    need_validators()
    objects = {name: one for name, one in generated().items() if group(one) not in CORE}
    return judge(objects | broken())


def group(one: Object) -> str:
    api: str = one["apiVersion"]
    return api.rpartition("/")[0]


def kind(one: Object) -> str:
    return f"{group(one)}/{one['kind']}"


def first(wanted: str) -> Object:
    return next(deepcopy(one) for one in generated().values() if kind(one) == wanted)


Step = str | int
FAULTS: dict[str, tuple[str, tuple[Step, ...], Any]] = {
    "a weight that is text": (
        "networking.istio.io/VirtualService",
        ("spec", "http", -1, "route", 0, "weight"),
        "100",
    ),
    "two matchers in one": (
        "networking.istio.io/VirtualService",
        ("spec", "http", 0, "match"),
        [{"headers": {"x-lane": {"exact": "a", "prefix": "b"}}}],
    ),
    "a field that does not exist": (
        "networking.istio.io/VirtualService",
        ("spec", "http", 0, "matches"),
        [],
    ),
    "a subset without a name": (
        "networking.istio.io/DestinationRule",
        ("spec", "subsets", 0),
        {"labels": {"version": "v1"}},
    ),
    "an operation that does not exist": (
        "networking.istio.io/EnvoyFilter",
        ("spec", "configPatches", 0, "patch", "operation"),
        "INSERT_LAST",
    ),
    "a phase that does not exist": ("extensions.istio.io/WasmPlugin", ("spec", "phase"), "EARLY"),
    "a step that is no step": (
        "argoproj.io/Rollout",
        ("spec", "strategy", "canary", "steps", 0),
        {"setCanaryScale": {"pods": 2}},
    ),
    "a weight that is a word": (
        "argoproj.io/Rollout",
        ("spec", "strategy", "canary", "steps", 0),
        {"setWeight": "ten"},
    ),
    "a metric without a name": (
        "argoproj.io/AnalysisTemplate",
        ("spec", "metrics", 0),
        {"interval": "1m", "provider": {}},
    ),
    "a port out of range": (
        "gateway.networking.k8s.io/HTTPRoute",
        ("spec", "rules", 0, "backendRefs", 0, "port"),
        70_000,
    ),
    "a match of no kind": (
        "gateway.networking.k8s.io/HTTPRoute",
        ("spec", "rules", 0, "matches", 0, "headers", 0, "type"),
        "Prefix",
    ),
}
"""What was broken: in which kind, where, and what stands there."""


def broken() -> dict[str, Object]:
    return {f"fault: {name}": _broken(*fault) for name, fault in FAULTS.items()}


def _broken(wanted: str, path: tuple[Step, ...], value: Any) -> Object:
    one = first(wanted)
    *ahead, last = path
    parent: Any = reduce(_step, ahead, one)
    parent[last] = value
    return one


def _step(node: Any, step: Step) -> Any:
    return node[step]


def test_every_object_passes_the_schemas_of_its_readers() -> None:
    wrong = {
        name: found
        for name, found in verdicts().items()
        if found and not name.startswith("fault: ")
    }
    assert wrong == {}
    assert sum(found == [] for found in verdicts().values()) > 30


def test_what_no_package_knows_is_known_to_us() -> None:
    unknown = {kind(generated()[name]) for name, found in verdicts().items() if found is None}
    assert unknown <= UNKNOWN


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_object_is_refused(fault: str) -> None:
    assert verdicts()[f"fault: {fault}"]


def test_core_objects_pass_kubernetes_schemas() -> None:
    core = {name: one for name, one in generated().items() if group(one) in CORE}
    assert core
    for one in core.values():
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


def test_a_broken_core_object_is_refused() -> None:
    one = first("/Service")
    one["spec"]["ports"][0]["port"] = "http"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


# The installer, without a network.


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", no_program)
    assert "Node.js" in install.missing()
    assert "Node.js" in install.install()
    monkeypatch.undo()
    monkeypatch.setattr(install, "MODULES", tmp_path)
    monkeypatch.setattr("shutil.which", any_program)
    assert "make validators" in install.missing()


def no_program(_: str) -> None:
    return None


def any_program(name: str) -> str:
    return f"/usr/bin/{name}"


FAILURES: dict[str, str] = {
    "no registry": "echo 'npm error code ENOTFOUND' >&2; exit 1",
    "no npm that runs": "exit 127",
}


@pytest.mark.parametrize("script", FAILURES.values(), ids=FAILURES)
def test_a_registry_that_is_not_reached_is_said(
    script: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("npm", "node"):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(install, "MODULES", tmp_path)
    said = install.install()
    assert said.startswith("npm could not fetch them")
    assert ("ENOTFOUND" in said) == ("ENOTFOUND" in script)
