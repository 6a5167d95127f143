"""``colorfast release verify``: what is safe, what is not, and why."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from release.replay import shows
from release.simulation import Simulation, escapes

from colorfast.cli._app import colorfast
from colorfast.release import (
    CONTROLLERS,
    STYLES_OF,
    Controller,
    Plan,
    Release,
    Style,
    plan,
)
from colorfast.release.verify import (
    TABLES,
    Counterexample,
    Local,
    Row,
    System,
    Table,
    Verdict,
    table_of,
    verdict_text,
    verify,
)
from colorfast.release.verify._judge import Judge
from colorfast.release.verify._requests import has_traffic, journeys
from colorfast.release.verify._search import Space
from helpers import releases
from helpers.releases import CHAIN, DIAMOND, FAN_OUT, TWO_ENTRANCES, Calls

ROOT = Path(__file__).parents[2]

KINDS = [(controller, style) for controller, styles in STYLES_OF.items() for style in styles]
SAFE = [(controller, "version") for controller in CONTROLLERS if controller != "flagger"]
"""What verify proves in every state."""

SHAPES: dict[str, dict[str, Any]] = {
    "chain": {"calls": CHAIN},
    "diamond": {"calls": DIAMOND},
    "fan-out": {"calls": FAN_OUT},
    "two-entrances": {"calls": TWO_ENTRANCES, "mesh": {"entrances": "ab"}},
    "service-outside": {"calls": DIAMOND, "released": "bcd"},
    "hop-without-the-lane": {"calls": CHAIN, "released": "ac"},
    "one-service": {"calls": CHAIN, "released": "b"},
}
every_shape = pytest.mark.parametrize("shape", SHAPES)
ONE_STEP: dict[str, Any] = {"steps": [{"weight": 100}]}


def broken(verdict: Verdict) -> dict[str, Counterexample]:
    return {one.invariant: one for one in verdict.counterexamples}


def path(found: Counterexample) -> str:
    return " -> ".join(map(str, found.path))


# What is recommended.


@every_shape
@pytest.mark.parametrize(("controller", "style"), SAFE)
def test_the_recommended_plan_is_safe(shape: str, controller: Controller, style: Style) -> None:
    release = releases.release(**SHAPES[shape], controller=controller, style=style)
    verdict = verify(release)
    assert verdict.safe, verdict_text(verdict)
    assert verdict.promises == ("lock", "availability", "stickiness", "completeness", "rollback")


@pytest.mark.parametrize(("controller", "style"), SAFE)
def test_the_default_style_is_the_one_that_is_proven(controller: Controller, style: Style) -> None:
    assert STYLES_OF[controller][0] == style


@every_shape
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_services_one_by_one_are_safe(shape: str, controller: Controller) -> None:
    release = releases.release(**SHAPES[shape], controller=controller, pattern="ordered")
    verdict = verify(release)
    assert verdict.safe, verdict_text(verdict)
    assert "compatibility" in verdict.promises


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_a_single_service_is_safe_in_any_order(controller: Controller) -> None:
    release = releases.release(CHAIN, "b", controller=controller, pattern="single")
    assert verify(release, any_order=True).safe


# What is refused.


@pytest.mark.parametrize("shape", [one for one in SHAPES if one != "one-service"])
def test_finishing_the_entrance_first_is_refused(shape: str) -> None:
    release = releases.release(**SHAPES[shape], finish="first")
    found = broken(verify(release))["lock"]
    assert not found.dyed
    assert {hop.answer for hop in found.path} >= {"v1", "v2"}
    assert found.moves[-1].kind in ("share", "row")
    assert shows(release, found)


def test_the_counterexample_of_the_wrong_order_says_what_happens() -> None:
    release = releases.release(CHAIN, "ac", finish="first")
    verdict = verify(release)
    found = broken(verdict)["lock"]
    assert path(found) == "a(v2) -> b -> c(v1)"
    text = verdict_text(verdict)
    assert "release next is not safe in the order of its plan (istio, version)" in text
    assert "8. dye nobody: begun\n  now: from 100 to 0 % dyed" in text
    assert "    a: base route v2, lane route v2; pods v1 none, v2 ready" in text
    assert "  a request (not dyed): a(v2) -> b -> c(v1)" in text


def test_the_wrong_order_takes_new_versions_from_users_again() -> None:
    found = broken(verify(releases.release(CHAIN, finish="first")))["stickiness"]
    assert found.what.startswith("who had the new")
    assert path(found).endswith("(v1)")


def test_a_request_of_one_service_can_leave_its_lane_too() -> None:
    kind: dict[str, Any] = {"controller": "argo-rollouts", "style": "managed"}
    found = broken(verify(releases.release(CHAIN, "b", **kind)))["lock"]
    assert (found.what, path(found)) == ("a request leaves its lane at b", "a -> b(v1)")


def test_a_service_that_is_called_twice_can_answer_with_both_versions() -> None:
    found = broken(verify(releases.release(DIAMOND, "d", share="weights")))["lock"]
    assert path(found) == "a -> b -> d(v1) -> c -> d(v2)"
    assert "lock" not in broken(verify(releases.release(CHAIN, "b", share="weights")))


def test_callers_before_what_they_call_is_refused() -> None:
    release = releases.release(CHAIN, pattern="ordered", finish="first")
    found = broken(verify(release))["compatibility"]
    assert path(found) == "a(v2) -> b(v1)"


REFUSED: list[tuple[Controller, Style, str, str]] = [
    ("argo-rollouts", "labels", "availability", "promote"),
    ("argo-rollouts", "managed", "lock", "the header route is lost"),
    ("kruise", "managed", "lock", "the lane route is lost"),
    ("flagger", "version", "availability", "Flagger gives the release up"),
    ("flagger", "managed", "lock", "Flagger gives the release up"),
]


@pytest.mark.parametrize(("controller", "style", "invariant", "row"), REFUSED)
def test_styles_that_break_are_refused(
    controller: Controller, style: Style, invariant: str, row: str
) -> None:
    release = releases.release(controller=controller, style=style, **ONE_STEP)
    found = broken(verify(release))
    assert invariant in found
    rows = [move.row.name for one in found.values() for move in one.moves if move.row is not None]
    assert any(name.startswith(row) for name in rows)


def test_every_style_is_either_proven_or_refused() -> None:
    assert {(one, style) for one, style, *_ in REFUSED} == {*KINDS} - {*SAFE}


@pytest.mark.parametrize("share", ["entrance", "weights"])
def test_weights_of_routes_keep_no_user_in_his_version(share: str) -> None:
    kind: dict[str, Any] = {"controller": "argo-rollouts", "style": "managed"}
    found = broken(verify(releases.release(share=share, **kind)))
    assert "drawn anew" in found["stickiness"].what
    assert ("lock" in found) or share == "entrance"


def test_a_service_that_drops_the_dye_breaks_the_lock_of_what_follows() -> None:
    found = broken(verify(releases.release(CHAIN, drops=["b"])))["lock"]
    assert path(found) == "a(v2) -> b(v2) -> c(v1)"
    assert [hop.dyed for hop in found.path] == [True, True, False]
    assert verify(releases.release(CHAIN, "ab", drops=["b"])).safe
    assert verify(releases.release(CHAIN, drops=["c"])).safe


def test_a_strict_lane_refuses_services_outside_of_the_release() -> None:
    strict = {"strict": ["canary"]}
    found = broken(verify(releases.release(CHAIN, "ac", mesh=strict)))["availability"]
    assert found.path[-1].service == "b"
    assert verify(releases.release(CHAIN, mesh=strict)).safe


def test_the_meshs_own_fallback_is_no_broken_lock() -> None:
    kind = {"controller": "flagger", "style": "version", **ONE_STEP}
    assert not verify(releases.release(**kind)).safe
    release = releases.release(**kind, mesh={"fallback": "endpoints"})
    assert {"lock", "availability"} & broken(verify(release)).keys() == set()


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_without_an_order_a_lock_does_not_hold(controller: Controller) -> None:
    verdict = verify(releases.release(controller=controller), any_order=True)
    assert not verdict.safe
    assert len(verdict.counterexamples[0].moves) <= 3


# Moments in between, and what is left.


def test_requests_that_had_begun_are_of_the_share_before() -> None:
    undyed, dyed = journeys(releases.release())
    assert has_traffic(dyed, (500, 0))
    assert has_traffic(undyed, (2500, 10_000))
    assert not has_traffic(dyed, (0,))
    assert not has_traffic(undyed, (10_000,))


def test_a_step_waits_until_every_proxy_has_its_routes() -> None:
    release = releases.release(CHAIN, "a", controller="argo-rollouts", style="managed")
    made = plan(release)
    system = System(made, table_of(release), ("a",))
    ready = Local(new="ready", ctl="paused", lane="new")
    assert system.is_done(made.steps[0], ready)
    assert not system.is_done(made.steps[0], ready._replace(lane="off>new"))


def ends(made: Plan, table: Table) -> set[str]:
    """What is said about the ends of a plan of one service."""
    release = made.release
    system = System(made, table, ("b",))
    judge = Judge(release, journeys(release), ("b",))
    space = Space(system)
    last = [state for state in space.states() if space.is_end(state)]
    return {f"{one.invariant}: {one.what}" for state in last for one in judge.ending(system, state)}


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("unroute", "b is left with base route new, lane route new, old pods none, new pods ready"),
        ("undye", "requests are still dyed"),
        (
            "promote",
            "b is left with base route new, lane route off, old pods ready, new pods ready",
        ),
    ],
)
def test_a_plan_without_a_step_is_not_complete(missing: str, told: str) -> None:
    release = releases.release(CHAIN, "b")
    made = plan(release)
    assert ends(made, table_of(release)) == set()
    short = replace(made, steps=tuple(step for step in made.steps if step.action != missing))
    assert f"completeness: {told}" in ends(short, table_of(release))


def test_a_controller_that_cannot_go_back_is_no_safe_way_back() -> None:
    release = releases.release(CHAIN, "b")
    table = table_of(release)
    stuck = replace(table, rows=tuple(row for row in table.rows if row.verb != "scale-down"))
    assert ends(plan(release), stuck) == {"rollback: nothing can go on from here"}


def test_a_plan_that_a_controller_cannot_end_is_not_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = releases.release(CHAIN, "b")
    table = table_of(release)
    stuck = replace(table, rows=tuple(row for row in table.rows if row.verb != "promote"))
    monkeypatch.setattr("colorfast.release.verify._verify.table_of", lambda _: stuck)
    found = broken(verify(release))
    assert found["completeness"].what == "the plan never comes to its end"


# The reduction.

SMALL: dict[str, Calls] = {
    "two": {"a": "b", "b": ""},
    "three": {"a": "bc", "b": "c", "c": ""},
    "chain": CHAIN,
}


BEARABLE = [
    (graph, controller, style)
    for graph in SMALL
    for controller, style in KINDS
    if graph == "two" or style == "version"
]
"""Two services have every way to break; three of another style than version take long."""


@pytest.mark.parametrize("finish", ["last", "first"])
@pytest.mark.parametrize(("graph", "controller", "style"), BEARABLE)
def test_pairs_tell_what_all_combinations_tell(
    graph: str, finish: str, controller: Controller, style: Style
) -> None:
    kind: dict[str, Any] = {"controller": controller, "style": style, "finish": finish}
    release = releases.release(SMALL[graph], **kind, **ONE_STEP)
    pairs, whole = verify(release), verify(release, whole=True)
    assert pairs.safe == whole.safe
    assert shortest(pairs) == shortest(whole)
    assert pairs.states <= whole.states


@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_pairs_tell_what_all_combinations_tell_of_weights(
    controller: Controller, *, any_order: bool
) -> None:
    kinds: list[dict[str, Any]] = [
        {"pattern": "ordered"},
        {"share": "weights"},
        {"pattern": "ordered", "finish": "first"},
    ]
    for spec in kinds:
        release = releases.release(SMALL["three"], controller=controller, **spec, **ONE_STEP)
        pairs = verify(release, any_order=any_order)
        whole = verify(release, any_order=any_order, whole=True)
        assert (pairs.safe, shortest(pairs)) == (whole.safe, shortest(whole))


def shortest(verdict: Verdict) -> dict[str, int]:
    # Which rollback is to blame for a state depends on what else was broken before it.
    return {
        one.invariant: one.depth for one in verdict.counterexamples if one.invariant != "rollback"
    }


def test_services_with_the_same_role_have_the_same_states() -> None:
    two = verify(releases.release({"a": "b", "b": ""}))
    many = verify(releases.release({"a": "bcdef"} | dict.fromkeys("bcdef", "")))
    assert two.states == many.states
    assert (two.pairs, many.pairs) == (1, 15)


def test_progress_is_told() -> None:
    seen: list[tuple[int, int, int]] = []
    verdict = verify(releases.release(DIAMOND), progress=lambda *told: seen.append(told))
    assert [done for done, _, _ in seen] == list(range(7))
    assert seen[-1] == (6, 6, verdict.states)


# The tables.


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_happens_somewhere_and_says_how_it_is_known(table: Table) -> None:
    happened = {row.name for row in happening(table)}
    shared = {"proxies", "kubelet"}
    asleep = {row.name for row in table.rows if row.by not in shared} - happened
    assert asleep == set()
    assert all(row.evidence and row.seen in ("run", "documented", "supposed") for row in table.rows)
    assert all((row.by == "plan") == (row.verb is not None) for row in table.rows)


def happening(table: Table) -> list[Row]:
    """The rows that a release of two services under *table* goes through."""
    name, _, style = table.name.partition(", ")
    kind: dict[str, Any] = {"controller": name}
    kind |= {"pattern": "ordered"} if style == "weights" else {"style": style}
    found: list[Row] = []
    for any_order in (False, True):
        release = releases.release(CHAIN, "a", **kind, steps=[{"weight": 50}, {"weight": 100}])
        space = Space(System(plan(release), table, ("a",), any_order))
        for state in space.states():
            moves = space.trace(state)
            if moves and moves[-1].row is not None:
                found.append(moves[-1].row)
            found += [move.row for move, _ in space.system.moves(state) if move.row is not None]
    return found


def test_tables_of_styles_and_weights_have_names_of_their_own() -> None:
    assert len({table.name for table in TABLES}) == len(TABLES) == len(KINDS) + len(CONTROLLERS)


# Random releases.


@st.composite
def drawn_releases(draw: st.DrawFn) -> Release:
    """Up to six services, whoever calls whom, by any controller and in any manner."""
    names = "abcdef"[: draw(st.integers(1, 6))]
    calls = {
        name: draw(st.sets(st.sampled_from(names[index + 1 :]), max_size=3))
        if names[index + 1 :]
        else set[str]()
        for index, name in enumerate(names)
    }
    pattern = draw(st.sampled_from(("locked", "locked", "locked", "ordered", "single")))
    least = 1
    most = 1 if pattern == "single" else len(names)
    released = draw(st.sets(st.sampled_from(names), min_size=least, max_size=most))
    controller, style = draw(st.sampled_from(KINDS))
    spec: dict[str, Any] = {"controller": controller, "pattern": pattern}
    if pattern == "locked":
        spec["style"] = style
        spec["drops"] = sorted(draw(st.sets(st.sampled_from(names), max_size=1)))
        spec["share"] = draw(st.sampled_from(["dye", "dye", "dye", "entrance", "weights"]))
    if pattern != "single":
        spec["finish"] = draw(st.sampled_from(["last", "last", "first"]))
    weights = sorted(draw(st.sets(st.integers(1, 99), max_size=2)))
    entrances = sorted(draw(st.sets(st.sampled_from(names), max_size=1)) | {names[0]})
    return releases.release(
        {name: sorted(called) for name, called in calls.items()},
        sorted(released),
        mesh={"entrances": entrances},
        steps=[*({"weight": weight} for weight in weights), {"weight": 100}],
        **spec,
    )


MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(release=drawn_releases(), seed=st.integers(0, 2**16), give_up_at=st.integers(0, 60))
def test_what_is_called_safe_has_no_escape(release: Release, seed: int, give_up_at: int) -> None:
    verdict = verify(release)
    if verdict.safe:
        made = plan(release)
        assert escapes(made, seed) == []
        assert escapes(made, seed, give_up_at=give_up_at) == []
    for found in verdict.counterexamples:
        assert shows(release, found)


@settings(MANY, max_examples=25)
@given(release=drawn_releases(), seed=st.integers(0, 2**16))
def test_counterexamples_of_any_order_can_be_played_again(release: Release, seed: int) -> None:
    for found in verify(release, any_order=True).counterexamples:
        assert shows(release, found)


WRONG: list[dict[str, Any]] = [
    {"finish": "first"},
    {"share": "weights"},
    {"drops": ["b"]},
    {"pattern": "ordered", "finish": "first"},
]


@pytest.mark.parametrize("spec", WRONG)
def test_the_simulation_sees_what_verify_refuses(spec: dict[str, Any]) -> None:
    release = releases.release(CHAIN, **spec)
    assert not verify(release).safe
    seen = next(found for seed in count() if (found := escapes(plan(release), seed)) or seed > 20)
    assert seen


def test_the_simulation_sends_requests_all_the_time() -> None:
    simulation = Simulation(plan(releases.release(TWO_ENTRANCES)), Random(1))
    assert simulation.run() == []
    assert simulation.seen > 100


# The command.

EXAMPLE = str(ROOT / "examples" / "release" / "locked.yaml")


def run(*words: str) -> Any:
    return CliRunner().invoke(colorfast, ["release", "verify", *words], standalone_mode=False)


def test_a_safe_release_exits_with_0() -> None:
    result = run(EXAMPLE)
    assert (result.exception, result.return_value) == (None, 0)
    assert "release shop-v2 is safe in the order of its plan" in result.stdout
    assert "states seen" in result.stdout
    assert result.stderr == ""


def test_an_unsafe_release_exits_with_1_and_is_told_as_data() -> None:
    result = run(EXAMPLE, "--any-order", "-o", "json")
    told = json.loads(result.stdout)
    assert result.return_value == 1
    assert (told["safe"], told["anyOrder"]) == (False, True)
    [found] = told["counterexamples"]
    assert found["moves"]
    assert found["request"]["path"][0]["service"] == "mocka"


def test_the_files_controller_can_be_replaced() -> None:
    assert "(flagger, version)" in run(EXAMPLE, "--controller", "flagger").stdout


def test_a_terminal_sees_how_far_it_is() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "colorfast.cli", "release", "verify", EXAMPLE]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    shown = os.read(ours, 1 << 16)
    os.close(ours)
    assert b"[" + b"#" * 30 + b"] 1/1, 1,037 states" in shown
    assert shown.endswith(b"\x1b[K")
    assert b"[#" not in done.stdout


def test_a_release_is_a_value() -> None:
    release = releases.release()
    assert replace(release) == release
