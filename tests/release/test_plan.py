"""``colorfast release plan``: what to do in which order."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from colorfast.cli._app import colorfast
from colorfast.policy import Engine, Request, load_policy, order_in_objects
from colorfast.release import (
    STYLES_OF,
    Controller,
    Plan,
    Release,
    Style,
    plan,
    plan_json,
    plan_mermaid,
    plan_text,
)
from helpers import releases
from helpers.releases import CHAIN, DIAMOND, TWO_ENTRANCES

GOLDEN = Path(__file__).parents[1] / "golden" / "plan"
ROOT = Path(__file__).parents[2]

CASES: dict[str, dict[str, Any]] = {
    "locked": {},
    "locked-labels": {"controller": "argo-rollouts", "style": "labels"},
    "locked-managed": {"controller": "argo-rollouts", "style": "managed"},
    "locked-entrance-first": {"finish": "first"},
    "locked-flagger": {"controller": "flagger"},
    "share-entrance": {"controller": "argo-rollouts", "style": "managed", "share": "entrance"},
    "share-weights": {"share": "weights"},
    "ordered": {"pattern": "ordered", "steps": [{"weight": 2.5, "pause": "90s"}, {"weight": 100}]},
    "ordered-entrance-first": {"pattern": "ordered", "finish": "first"},
}
KINDS = [(controller, style) for controller, styles in STYLES_OF.items() for style in styles]
every_kind = pytest.mark.parametrize(("controller", "style"), KINDS)


@pytest.mark.parametrize("case", CASES)
def test_plans_are_as_agreed(case: str, golden: Callable[[Path, str], None]) -> None:
    made = plan(releases.release(DIAMOND, "abd", **CASES[case]))
    golden(GOLDEN / f"{case}.txt", plan_text(made))
    golden(GOLDEN / f"{case}.mermaid", plan_mermaid(made))
    golden(GOLDEN / f"{case}.json", json.dumps(plan_json(made), indent=2) + "\n")


def test_every_golden_plan_has_its_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    ends = (".txt", ".mermaid", ".json")
    no_orphans(GOLDEN, {GOLDEN / f"{case}{end}" for case in CASES for end in ends})


def recommended(controller: Controller = "istio", style: Style = "version", **spec: Any) -> Plan:
    return plan(releases.release(controller=controller, style=style, **spec))


@every_kind
def test_a_step_of_the_recommended_plan_changes_one_thing(
    controller: Controller, style: Style
) -> None:
    for step in recommended(controller, style).steps:
        assert (step.policy is not None) == (step.kind == "policy")
        assert bool(step.services) == (step.kind != "policy")


def test_ids_are_unique_and_in_order() -> None:
    for case in CASES.values():
        made = plan(releases.release(TWO_ENTRANCES, **case))
        ids = [step.id for step in made.steps]
        assert ids == sorted(set(ids))


@pytest.mark.parametrize("stage", range(3))
def test_the_policy_of_a_step_dyes_its_share(stage: int) -> None:
    made = recommended()
    step = [one for one in made.steps if one.action == "dye"][stage]
    engine = engine_of(step.policy)
    users = [Request([("cookie", f"uid={number}".encode())]) for number in range(10_000)]
    dyed = sum(engine.dye(one).lane == "canary" for one in users)
    assert step.weight is not None
    assert abs(dyed - step.weight) <= 150


def test_a_user_who_is_dyed_stays_dyed_while_weights_rise() -> None:
    engines = [engine_of(one.policy) for one in recommended().steps if one.action == "dye"]
    for number in range(2000):
        user = Request([("cookie", f"uid={number}".encode())])
        lanes = [engine.dye(user).lane == "canary" for engine in engines]
        assert lanes == sorted(lanes)
        assert lanes[-1]


WITH_SANDBOXES = {
    "lanes": ["base", "canary", "pr-*"],
    "default": "base",
    "edge": {"client": "accept", "accept": ["pr-*"], "baggage": {"maxMembers": 3}},
    "rules": [{"name": "me", "match": [{"headers": {"me": {"present": True}}}], "lane": "pr-1"}],
}


def test_sandboxes_keep_their_lane_until_everybody_is_dyed() -> None:
    made = recommended(policy=WITH_SANDBOXES)
    by_rule = Request([("me", b"1"), ("cookie", b"uid=1")])
    by_client = Request([("x-lane", b"pr-7"), ("baggage", b"lane=pr-7"), ("cookie", b"uid=1")])
    for step in (one for one in made.steps if one.policy is not None):
        engine = engine_of(step.policy)
        everybody = step.weight == 10_000
        assert engine.dye(by_rule).lane == ("canary" if everybody else "pr-1")
        assert engine.dye(by_client).lane == ("canary" if everybody else "pr-7")


def test_the_policies_of_a_plan_have_no_finding_and_the_last_is_the_first() -> None:
    made = recommended(policy=WITH_SANDBOXES)
    for step in (*made.steps, *made.rollback):
        if step.policy is not None:
            loaded = load_policy(yaml.safe_dump(step.policy, sort_keys=False))
            assert loaded.diagnostics == ()
            assert loaded.policy.edge.max_members == 3
    assert made.policy_at(len(made.steps)) == made.release.policy_object


def test_the_release_does_not_change_the_policy_that_it_was_given() -> None:
    release = releases.release(policy=WITH_SANDBOXES)
    before = yaml.safe_dump(release.policy_object)
    plan(release)
    assert yaml.safe_dump(release.policy_object) == before


@every_kind
def test_at_the_end_every_service_has_its_new_version_and_no_lane_route(
    controller: Controller, style: Style
) -> None:
    made = recommended(controller, style)
    routes = made.routes_at(len(made.steps))
    assert {(one.base, one.lane) for one in routes.values()} == {((("v2", 10_000),), None)}
    routes = made.routes_at(0)
    assert {(one.base, one.lane) for one in routes.values()} == {((("v1", 10_000),), None)}


def test_the_entrance_is_finished_last() -> None:
    actions = [step.action for step in recommended().steps]
    assert actions.index("undye") > max(actions.index("switch"), actions.index("promote"))
    assert actions[-1] == "unroute"


def test_the_rollback_takes_the_dye_away_before_it_aborts_a_controller() -> None:
    for controller, style in KINDS:
        actions = [step.action for step in recommended(controller, style).rollback]
        assert actions.index("undye") < actions.index("scale-down") == len(actions) - 1


def test_ordered_services_follow_what_they_call() -> None:
    release = releases.release(DIAMOND, pattern="ordered")
    promoted = [one.services for one in plan(release).steps if one.action == "promote"]
    assert promoted == [("d",), ("b",), ("c",), ("a",)]
    turned = plan(replace(release, finish="first")).steps
    assert [one.services for one in turned if one.action == "promote"] == promoted[::-1]


def engine_of(policy: Any) -> Engine:
    return Engine(load_policy(yaml.safe_dump(policy, sort_keys=False)).policy)


def test_without_sticky_keys_the_rest_stays_where_it_was() -> None:
    release: Release = releases.release(CHAIN, policy={"lanes": ["base", "canary", "blue"]})
    step = next(one for one in plan(release).steps if one.action == "dye")
    assert engine_of(step.policy).dye(Request([])).lane == "base"


def test_a_share_is_dealt_alike_from_a_file_and_from_an_object() -> None:
    lanes = {"lanes": ["base", "aside", "canary"], "default": "aside"}
    release: Release = releases.release(CHAIN, policy=lanes)
    step = next(one for one in plan(release).steps if one.action == "dye")
    assert step.policy is not None
    weights = step.policy["spec"]["rules"][-1]["split"]["weights"]
    assert list(weights) == order_in_objects(weights, "base") == ["aside", "canary"]


# The command.

EXAMPLE = str(ROOT / "examples" / "release" / "locked.yaml")


def run(*words: str) -> Any:
    return CliRunner().invoke(colorfast, ["release", *words], standalone_mode=False)


@pytest.mark.parametrize("output", ["text", "json", "mermaid"])
def test_the_command_prints_the_plan(output: str) -> None:
    result = run("plan", EXAMPLE, "-o", output)
    assert (result.exception, result.return_value) == (None, 0)
    starts = {"text": "release shop-v2: mockc v1 -> v2", "json": "{", "mermaid": "flowchart TD"}
    assert result.stdout.startswith(starts[output])


def test_the_command_takes_another_controller() -> None:
    result = run("plan", EXAMPLE, "--controller", "kruise")
    assert "by kruise, style version" in result.stdout
