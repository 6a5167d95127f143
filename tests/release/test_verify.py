"""``colorfast release verify``: what is safe, what is not, and why."""

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from release.replay import shows

from colorfast.cli._app import colorfast
from colorfast.release import (
    CONTROLLERS,
    STYLES_OF,
    Controller,
    Plan,
    Style,
    plan,
)
from colorfast.release.verify import (
    Counterexample,
    Local,
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
from helpers.releases import CHAIN, DIAMOND, FAN_OUT, TWO_ENTRANCES

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
    found = broken(verify(releases.release(share=share, controller="istio")))
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
    assert re.search(rb"\[\#{30}\] 1/1, [\d,]+ states", shown)
    assert shown.endswith(b"\x1b[K")
    assert b"[#" not in done.stdout


def test_a_release_is_a_value() -> None:
    release = releases.release()
    assert replace(release) == release
