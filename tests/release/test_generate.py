"""``colorfast release generate``: the objects of every controller, pattern and style."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest
import yaml
from release.cases import (
    CASES,
    GOLDEN,
    State,
    everything,
    generated,
    key,
    objects,
    of_kind,
    release_of,
    states,
)

from colorfast.k8s import slug
from colorfast.k8s.lint import lint
from colorfast.k8s.manifests import read_manifests
from colorfast.release import Plan, ServiceRoutes, plan
from colorfast.release.generate import INSTALL, ROLLBACK

SHARED = ("mesh.yaml", "mesh-lanes.yaml", "policy.yaml")
OURS = [case for case in CASES if case.startswith(("istio", "argo-locked", "kruise-locked"))]
"""Releases whose routes are ours alone and whose subsets are versions."""


@pytest.mark.parametrize("case", CASES)
def test_what_is_generated_is_as_agreed(case: str, golden: Callable[[Path, str], None]) -> None:
    files = dict(generated(case).files)
    golden(GOLDEN / case / "runbook.md", files.pop("runbook.md"))
    text = "---\n".join(f"# {name}\n{text}" for name, text in files.items())
    golden(GOLDEN / case / "objects.yaml", text)


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert {case.partition("-")[0] for case in CASES} == {
        "argo",
        "flagger",
        "istio",
        "kruise",
        "kubevela",
    }
    known = {GOLDEN / name for name in SHARED}
    for case in CASES:
        known |= {GOLDEN / case / name for name in ("release.yaml", "runbook.md", "objects.yaml")}
    no_orphans(GOLDEN, known)


@pytest.mark.parametrize("case", CASES)
def test_every_file_is_one_object_in_a_folder_that_is_applied(case: str) -> None:
    made = generated(case)
    for name, text in made.files.items():
        if name == "runbook.md":
            continue
        (one,) = yaml.safe_load_all(text)
        folder = next(each for each in made.folders if name.startswith(f"{each}/"))
        inside = name.removeprefix(f"{folder}/").split("/")
        assert inside[:-1] == [one["metadata"]["namespace"]] * (len(inside) - 1)
        assert inside[-1] == f"{one['kind'].lower()}-{one['metadata']['name']}.yaml"


@pytest.mark.parametrize("case", CASES)
def test_no_two_objects_of_a_folder_are_the_same(case: str) -> None:
    for folder in generated(case).folders:
        keys = [key(one) for one in objects(case, folder)]
        assert len(keys) == len(set(keys))


GATEWAYS = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop-gateway, namespace: istio-system}
spec: {servers: [{hosts: [shop.example.com], port: {number: 80, name: http, protocol: HTTP}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: partners, namespace: edge}
spec: {servers: [{hosts: [partners.example.com], port: {number: 80, name: http, protocol: HTTP}}]}
"""


@pytest.mark.parametrize("case", CASES)
def test_our_own_linter_has_nothing_to_say_at_any_step(case: str, tmp_path: Path) -> None:
    release = release_of(case)
    start = {("LanePolicy", "edge", "shop"): release.policy_object}
    for folder, state in states(case):
        path = tmp_path / f"{folder}.yaml"
        texts = [yaml.safe_dump(one, sort_keys=False) for one in (start | state).values()]
        path.write_text("---\n".join([GATEWAYS, *texts]))
        report = lint(read_manifests([str(path)]))
        assert [str(one) for one in report.findings] == []
        assert report.policies


@pytest.mark.parametrize("case", [case for case in CASES if release_of(case).share == "dye"])
def test_a_step_changes_the_policy_or_routes_or_pods_and_never_a_filter(case: str) -> None:
    kinds = {"VirtualService": "routes", "DestinationRule": "routes", "LanePolicy": "policy"}
    beside = {"AnalysisRun"}
    for folder in generated(case).folders:
        if folder == INSTALL or case.startswith("kubevela"):
            continue
        found = {one["kind"] for one in objects(case, folder)} - beside
        assert len({kinds.get(kind, "pods") for kind in found}) == 1
    assert not of_kind(everything(case), "EnvoyFilter")


def plan_of(case: str) -> Plan:
    return plan(release_of(case))


def routes_in(state: State, case: str, name: str) -> list[ServiceRoutes]:
    """What every VirtualService that leads to a service says, read back."""
    release = release_of(case)
    change = release.change(name)
    assert change is not None
    versions = {slug(version): version for version in (change.old, change.new)}
    lane = f".{release.lane}"
    found = []
    for one in state.values():
        http = one["spec"]["http"] if one["kind"] == "VirtualService" else []
        *_, rest = http or [{}]
        if rest.get("route", [{}])[0].get("destination", {}).get("host") != change.service.host:
            continue
        to = [route["route"][0] for route in http if route["name"].endswith(lane)]
        base = tuple(
            (versions[each["destination"]["subset"]], each.get("weight", 100) * 100)
            for each in rest["route"]
            if "headers" not in each
        )
        subset = versions[to[0]["destination"]["subset"]] if to else None
        found.append(ServiceRoutes(service=name, base=base, lane=subset))
    return found


@pytest.mark.parametrize("case", OURS)
def test_the_routes_after_each_step_are_those_of_the_plan(case: str) -> None:
    made = plan_of(case)
    numbers = {INSTALL: 0} | {step.id: step.number for step in made.steps}
    for folder, state in states(case):
        for name, routes in made.routes_at(numbers[folder]).items():
            found = routes_in(state, case, name)
            assert found
            if release_of(case).share != "entrance" or name not in release_of(case).entrances:
                assert set(found) == {routes}, folder


@pytest.mark.parametrize("case", [case for case in CASES if release_of(case).pattern == "locked"])
def test_the_policy_of_each_dye_is_that_of_the_plan(case: str) -> None:
    for step in plan_of(case).steps:
        if step.policy is None or case.startswith("kubevela"):
            continue
        (found,) = of_kind(objects(case, step.id), "LanePolicy").values()
        assert found["spec"] == step.policy["spec"]


@pytest.mark.parametrize("case", CASES)
def test_no_route_leads_to_a_subset_that_is_not_there(case: str) -> None:
    for folder, state in states(case):
        subsets = {
            (rule["spec"]["host"], subset["name"])
            for rule in state.values()
            if rule["kind"] == "DestinationRule"
            for subset in rule["spec"]["subsets"]
        }
        for one in state.values():
            for route in one["spec"].get("http", []) if one["kind"] == "VirtualService" else []:
                for to in route.get("route", []):
                    destination = to["destination"]
                    if "subset" in destination:
                        assert (destination["host"], destination["subset"]) in subsets, folder


@pytest.mark.parametrize("case", CASES)
def test_a_rollback_has_what_its_runbook_applies(case: str) -> None:
    made = generated(case)
    text = made.files["runbook.md"]
    for folder in made.folders:
        if folder.startswith(ROLLBACK):
            assert f"-f {folder}\n" in text or f"-f {folder}/" in text


def test_only_services_that_were_promoted_are_restored() -> None:
    text = generated("argo-locked").files["runbook.md"]
    section = text.partition("Start the old versions that are gone")[2]
    typed = [line for line in section.partition("Until:")[0].splitlines() if "apply" in line]
    assert [line.rpartition("/")[2] for line in typed] == [
        "rollout-mocka.yaml",
        "rollout-mockc.yaml",
    ]


def test_waves_apply_callees_before_their_callers() -> None:
    made = objects("argo-ordered", INSTALL)
    wave = "argocd.argoproj.io/sync-wave"
    by_kind = [(int(one["metadata"]["annotations"][wave]), one["kind"]) for one in made]
    order = [kind for kind, _ in groupby(kind for _, kind in sorted(by_kind))]
    assert order.index("DestinationRule") < order.index("VirtualService") < order.index("Rollout")
    rollouts = of_kind(made, "Rollout")
    waves = {name: int(one["metadata"]["annotations"][wave]) for name, one in rollouts.items()}
    assert waves["mockc"] < waves["mocka"]
