"""What each controller is told: their schemas, and the traps that were seen with the real ones."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from release.cases import (
    CASES,
    Object,
    everything,
    objects,
    of_kind,
)
from release.schemas import SCHEMAS

import colorfast.release.generate as room
from colorfast.release.generate import INSTALL, WORKFLOW

CUE = Path(room.__file__).parent / "cue"
TOOL = shutil.which("cue") or shutil.which(str(Path(__file__).parents[2] / ".tools" / "cue"))


def judged(one: Object) -> dict[str, Any] | None:
    return SCHEMAS.get((one["apiVersion"], one["kind"]))


@pytest.mark.parametrize("case", CASES)
def test_objects_pass_our_strict_schemas(case: str) -> None:
    for one in everything(case):
        schema = judged(one)
        if schema is not None:
            jsonschema.validate(one, schema)


def test_every_schema_is_used() -> None:
    found = {(one["apiVersion"], one["kind"]) for case in CASES for one in everything(case)}
    assert found >= SCHEMAS.keys()


Step = str | int
FAULTS: dict[str, tuple[str, tuple[str, str], tuple[Step, ...], Any]] = {
    "the field that Kruise ignores": (
        "kruise-managed",
        ("rollouts.kruise.io/v1beta1", "Rollout"),
        ("spec", "strategy", "canary", "trafficRoutingRef"),
        "lane",
    ),
    "a second service of one TrafficRouting": (
        "kruise-managed",
        ("rollouts.kruise.io/v1alpha1", "TrafficRouting"),
        ("spec", "objectRef"),
        [{"service": name, "gracePeriodSeconds": 3, "customNetworkRefs": []} for name in "ab"],
    ),
    "a traffic that is a number": (
        "kruise-single",
        ("rollouts.kruise.io/v1beta1", "Rollout"),
        ("spec", "strategy", "canary", "steps", 0, "traffic"),
        5,
    ),
    "a step of no type": (
        "kubevela-locked",
        ("core.oam.dev/v1beta1", "Application"),
        ("spec", "workflow"),
        {"steps": [{"name": "x", "type": "lane-jump"}]},
    ),
    "an unknown field of Flagger": (
        "flagger-locked",
        ("flagger.app/v1beta1", "Canary"),
        ("spec", "service", "delegate"),
        True,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_object_is_refused(fault: str) -> None:
    case, of, path, value = FAULTS[fault]
    one = deepcopy(
        next(each for each in everything(case) if (each["apiVersion"], each["kind"]) == of)
    )
    *ahead, last = path
    parent: Any = reduce(_step, ahead, one)
    parent[last] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(one, SCHEMAS[of])


def _step(node: Any, step: Step) -> Any:
    return node[step]


# Argo Rollouts.


def rollouts(case: str, folder: str = INSTALL) -> dict[str, Any]:
    found = of_kind(objects(case, folder), "Rollout")
    return {name: one["spec"]["strategy"]["canary"] for name, one in found.items()}


ARGO = [case for case in CASES if case.startswith("argo")]


@pytest.mark.parametrize("case", ARGO)
def test_argo_manages_no_destination_rule_with_subsets_of_lanes(case: str) -> None:
    for canary in rollouts(case).values():
        rule = canary["trafficRouting"]["istio"].get("destinationRule")
        if rule is not None:
            found = of_kind(objects(case, INSTALL), "DestinationRule")[rule["name"]]
            subsets = {one["name"] for one in found["spec"]["subsets"]}
            assert subsets == {rule["canarySubsetName"], rule["stableSubsetName"]}


@pytest.mark.parametrize("case", ["argo-locked", "argo-labels"])
def test_no_request_meets_the_routes_that_argo_writes(case: str) -> None:
    found = of_kind(objects(case, INSTALL), "VirtualService")
    lanes = [one for name, one in found.items() if not name.endswith("-rollout")]
    called = {
        to["destination"]["host"]
        for one in lanes
        for route in one["spec"]["http"]
        for to in route["route"]
    }
    for canary in rollouts(case).values():
        name = canary["trafficRouting"]["istio"]["virtualService"]["name"]
        assert not {*found[name]["spec"]["hosts"]} & called
        assert "gateways" not in found[name]["spec"]


@pytest.mark.parametrize("case", ["argo-locked", "argo-labels"])
def test_an_abort_takes_no_pods_and_nothing_aborts_by_itself(case: str) -> None:
    for canary in rollouts(case).values():
        assert canary["abortScaleDownDelaySeconds"] == 0
        assert "analysis" not in canary
        assert not any("analysis" in step for step in canary["steps"])


@pytest.mark.parametrize("case", ["argo-single", "argo-ordered"])
def test_services_that_get_along_are_measured_and_rolled_back_one_by_one(case: str) -> None:
    for canary in rollouts(case).values():
        (template,) = canary["analysis"]["templates"]
        assert template["templateName"] in of_kind(objects(case, INSTALL), "AnalysisTemplate")
        assert canary["abortScaleDownDelaySeconds"] == 1  # longer starves istiod


@pytest.mark.parametrize("case", ARGO)
def test_a_header_route_comes_behind_pods_and_under_a_managed_name(case: str) -> None:
    for canary in rollouts(case).values():
        steps = canary["steps"]
        managed = [one["name"] for one in canary["trafficRouting"].get("managedRoutes", ())]
        for index, step in enumerate(steps):
            if "setHeaderRoute" in step:
                assert steps[index - 1]["setCanaryScale"]["replicas"] > 1
                assert [step["setHeaderRoute"]["name"]] == managed
                assert len(step["setHeaderRoute"]["match"]) == 1
        assert not any("matchTrafficWeight" in str(step) for step in steps)


def test_style_labels_moves_the_label_that_its_subsets_select() -> None:
    rules = of_kind(objects("argo-labels", INSTALL), "DestinationRule")
    for name, canary in rollouts("argo-labels").items():
        found = {one["name"]: one["labels"] for one in rules[f"{name}-lanes"]["spec"]["subsets"]}
        assert found["canary"] == canary["canaryMetadata"]["labels"]
        assert found["base"] == canary["stableMetadata"]["labels"]


def test_the_entrance_colours_its_share_and_its_controller_moves_it() -> None:
    found = of_kind(objects("argo-managed-entrance", INSTALL), "VirtualService")
    for name in ("mocka-lanes", "shop-gateway-mocka", "partners-mocka"):
        *_, rest = found[name]["spec"]["http"]
        stable, canary = rest["route"]
        assert "headers" not in stable
        request = canary["headers"]["request"]
        assert request == {"set": {"x-lane": "canary"}, "add": {"baggage": "lane=canary"}}
    steps = rollouts("argo-managed-entrance")
    assert any("setWeight" in step for step in steps["mocka"]["steps"])
    assert not any("setWeight" in step for step in steps["mockc"]["steps"])


def test_the_entrance_takes_its_share_back_by_a_rollout_without_weights() -> None:
    def of(folder: str) -> Object:
        found: Object = of_kind(objects("argo-managed-entrance", folder), "Rollout")["mocka"][
            "spec"
        ]
        return found

    deployed, undyed = of("01-deploy"), of("rollback/01-undye-mocka")
    assert undyed["template"] == deployed["template"]
    steps = [
        one.pop("steps") for one in (deployed["strategy"]["canary"], undyed["strategy"]["canary"])
    ]
    assert undyed == deployed
    assert steps[1] == steps[0][: len(steps[1])]
    assert not any("setWeight" in step for step in steps[1])


def test_a_version_is_measured_beside_each_share_of_the_dye() -> None:
    runs = [one for one in everything("argo-locked") if one["kind"] == "AnalysisRun"]
    counts = [one["spec"]["metrics"][0]["count"] for one in runs]
    assert counts == [10, 10, 10]
    assert {one["spec"]["args"][0]["value"] for one in runs} == {"canary"}


# OpenKruise Rollouts.


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("kruise")])
def test_kruise_finds_one_routing_a_service_and_changes_no_subset(case: str) -> None:
    made = objects(case, INSTALL)
    routings = of_kind(made, "TrafficRouting")
    named = [
        one["metadata"]["annotations"].get("rollouts.kruise.io/trafficrouting")
        for one in of_kind(made, "Rollout").values()
    ]
    assert sorted(filter(None, named)) == sorted(routings)
    for refs in _references(made):
        kinds = [one["kind"] for one in refs]
        assert set(kinds) == {"VirtualService"}


def _references(made: list[Object]) -> Iterator[list[Object]]:
    for one in of_kind(made, "TrafficRouting").values():
        for each in one["spec"]["objectRef"]:
            yield each["customNetworkRefs"]
    for one in of_kind(made, "Rollout").values():
        for each in one["spec"]["strategy"]["canary"].get("trafficRoutings", ()):
            yield each["customNetworkRefs"]


@pytest.mark.parametrize("case", ["kruise-single", "kruise-ordered", "kruise-managed"])
def test_the_stable_subset_has_the_pods_of_both_versions_but_not_the_canary(case: str) -> None:
    made = objects(case, INSTALL)
    rules = of_kind(made, "DestinationRule")
    for name, one in of_kind(made, "Deployment").items():
        (base,) = [s for s in rules[f"{name}-lanes"]["spec"]["subsets"] if s["name"] == "base"]
        pods = one["spec"]["template"]["metadata"]["labels"]
        canary = of_kind(made, "Rollout")[name]["spec"]["strategy"]["canary"]
        patched = pods | canary["patchPodTemplateMetadata"]["labels"]
        (new,) = [s for s in rules[f"{name}-lanes"]["spec"]["subsets"] if s["name"] == "canary"]
        assert new["labels"].items() <= patched.items()
        assert not new["labels"].items() <= pods.items()
        assert base["labels"].items() <= pods.items()
        assert not base["labels"].items() <= patched.items()
        assert not set(base["labels"]) & set(one["spec"]["selector"]["matchLabels"])


def test_the_last_step_of_kruise_is_never_waited_at() -> None:
    for one in of_kind(objects("kruise-locked", INSTALL), "Rollout").values():
        assert len(one["spec"]["strategy"]["canary"]["steps"]) == 2


def test_our_scripts_are_there_for_who_mounts_them() -> None:
    (one,) = of_kind(objects("kruise-single", INSTALL), "ConfigMap").values()
    assert set(one["data"]) == {"VirtualService.lua", "DestinationRule.lua"}
    assert "largest remainder" in one["data"]["VirtualService.lua"]


# Flagger.


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("flagger")])
def test_lane_routes_stay_ours_and_flagger_gets_what_is_left(case: str) -> None:
    made = objects(case, INSTALL)
    canaries = of_kind(made, "Canary")
    owned = {one["spec"]["service"]["name"] for one in canaries.values()}
    routes = of_kind(made, "VirtualService")
    assert not owned & routes.keys()
    for one in routes.values():
        *lanes, rest = one["spec"]["http"]
        assert [route["name"] for route in lanes if route["name"].endswith("pr-42")]
        assert rest["delegate"]["name"] in owned
        assert "route" not in rest
    assert all(one["spec"]["service"]["delegation"] for one in canaries.values())


@pytest.mark.parametrize("case", ["flagger-locked", "flagger-managed"])
def test_flagger_promotes_locked_versions_when_it_is_told_to(case: str) -> None:
    for one in of_kind(objects(case, INSTALL), "Canary").values():
        analysis = one["spec"]["analysis"]
        assert [hook["type"] for hook in analysis["webhooks"]] == ["confirm-promotion"]
        assert "metrics" not in analysis


# KubeVela.


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("kubevela")])
def test_the_workflow_plays_the_plan_with_steps_that_exist(case: str) -> None:
    (one,) = objects(case, WORKFLOW)
    steps = one["spec"]["workflow"]["steps"]
    names = [step["name"] for step in steps]
    assert len(names) == len(set(names))
    ours = {step["type"] for step in steps if step["type"].startswith("lane-")}
    assert ours <= of_kind(objects(case, INSTALL), "WorkflowStepDefinition").keys()
    assert {"lane-shift", "lane-finish", "lane-rollback"} <= ours


def test_a_failed_check_rolls_one_service_back_or_all_that_belong_together() -> None:
    back = {
        case: [
            step
            for step in objects(case, WORKFLOW)[0]["spec"]["workflow"]["steps"]
            if step["type"] == "lane-rollback"
        ]
        for case in ("kubevela-ordered", "kubevela-locked")
    }
    (locked,) = back["kubevela-locked"]
    kinds = [one["kind"] for one in locked["properties"]["objects"]]
    assert kinds[0] == "LanePolicy"  # undyed before anything else
    ordered = {step["name"]: step for step in back["kubevela-ordered"]}
    assert ordered.keys() == {"rollback-mocka", "rollback-mockc"}
    for name in ("mocka", "mockc"):
        hosts = {
            to["destination"]["host"].partition(".")[0]
            for one in ordered[f"rollback-{name}"]["properties"]["objects"]
            for route in one["spec"]["http"]
            for to in route["route"]
        }
        assert hosts == {name}
        assert re.findall(r'status\["([^"]+)"\]', ordered[f"rollback-{name}"]["if"])


_STUBS = """
op: {
	#Steps: {...}
	#Apply: {value: {...}}
	#Delete: {value: {apiVersion: string, kind: string, metadata: {name: string, namespace: string}}}
	#Fail: {message: string}
}
"""
_PARAMETERS = {
    "lane": 'labels: {app: "mocka", version: "v2"}',
    "lane-shift": 'objects: [{kind: "A", spec: x: 1}, {kind: "B"}]',
    "lane-rollback": 'objects: [{kind: "A"}]',
    "lane-finish": 'remove: [{apiVersion: "apps/v1", kind: "A", name: "a", namespace: "b"}]',
}


@pytest.mark.skipif(TOOL is None, reason="no cue: `make cue` builds it, which takes Go")
@pytest.mark.parametrize("name", _PARAMETERS)
def test_our_definitions_are_cue(name: str, tmp_path: Path) -> None:
    text = (CUE / f"{name}.cue").read_text()
    path = tmp_path / "x.cue"
    given = f"parameter: {_PARAMETERS[name]}\n"
    path.write_text(text.replace('import "vela/op"\n', "") + _STUBS + given)
    assert TOOL is not None
    for command in (["vet", "--concrete", str(path)], ["fmt", "--check", str(CUE / f"{name}.cue")]):
        done = subprocess.run(
            [TOOL, *command], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_definition_is_tried() -> None:
    assert {path.stem for path in CUE.iterdir()} == _PARAMETERS.keys()
