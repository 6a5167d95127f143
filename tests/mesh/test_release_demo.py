"""What is played of a release, what is asked of each step, and what is made of the answers."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from mesh.shop import SHOP

from colorfast.mesh.release import Demo, run_release_demo
from colorfast.mesh.release._load import USERS, Answer, users_of
from colorfast.mesh.release._paths import Path as Hops
from colorfast.mesh.release._paths import begins_new, calls, has_escaped, is_mixed
from colorfast.mesh.release._plot import bars, svg
from colorfast.mesh.release._predicted import Comparison
from colorfast.mesh.release._scenes import Scene, scenes
from colorfast.mesh.release._seen import Seen, seen
from colorfast.mesh.release._shares import Share, asked, places
from colorfast.mesh.release._stage import in_wrong_order, staged, workloads
from colorfast.mesh.release._table import Table
from colorfast.policy import Attribute, ColorfastError, Engine, Request, Source, load_policy
from colorfast.release import Release, plan
from colorfast.release.verify import verify
from helpers import releases

PLAY = scenes(plan(SHOP))
DYED, WHOLE = PLAY[3], PLAY[5]
OLD: Hops = (("mocka", "v1"), ("mockb", "base"), ("mockc", "v1"))
NEW: Hops = (("mocka", "v2"), ("mockb", "base"), ("mockc", "v2"))
MIXED: Hops = (("mocka", "v2"), ("mockb", "base"), ("mockc", "v1"))
DIAMOND = releases.release(releases.DIAMOND, "abd", pattern="ordered")
PAIR: releases.Calls = {"a": "c", "c": ""}


# What is played.


def test_a_play_is_the_plan_step_by_step() -> None:
    made = plan(SHOP)
    assert [scene.step for scene in PLAY] == [None, *made.steps]
    assert [scene.now.routes for scene in PLAY] == [
        made.routes_at(number) for number in range(len(made.steps) + 1)
    ]
    assert [scene.now.drawn for scene in PLAY] == [0, 0, 0, 500, 2_500, *[10_000] * 3, 0, 0]


@pytest.mark.parametrize(
    ("after", "labels"),
    {
        1: ["r5", "r6", "r7"],
        5: ["r5", "r6", "r7"],
        6: ["r1", "r2", "r4", "r5", "r6", "r7"],  # no old pod is gone
        7: ["r1", "r2", "r3", "r4", "r5", "r6", "r7"],
    }.items(),
)
def test_a_rollback_has_the_steps_that_are_needed_after_a_step(
    after: int, labels: list[str]
) -> None:
    play = scenes(plan(SHOP), after)
    assert [scene.label for scene in play if scene.is_back] == labels
    assert play[after].label == str(after)
    assert dict(play[-1].now.routes) == plan(SHOP).routes_at(0)
    assert play[-1].now.drawn == 0


def test_only_what_was_promoted_is_started_again() -> None:
    release = releases.release(PAIR, finish="first")
    (again,) = (one for one in scenes(plan(release), 7) if one.is_back and one.label == "r3")
    assert again.services == ("a",)


@pytest.mark.parametrize(("after", "services"), [(2, [("c",)] * 2), (4, []), (6, [("a",)] * 2)])
def test_of_an_ordered_release_the_service_that_is_released_goes_back(
    after: int, services: list[tuple[str, ...]]
) -> None:
    release = releases.release(PAIR, pattern="ordered", steps=[{"weight": 50}, {"weight": 100}])
    play = scenes(plan(release), after)
    assert [scene.services for scene in play if scene.is_back] == services


def test_routes_of_one_service_change_at_a_time() -> None:
    before, after = PLAY[5].now, PLAY[6].now
    middle, last = before.one_by_one(after)
    assert last == after
    moved = [name for name in after.routes if middle.routes[name] != before.routes[name]]
    assert len(moved) == 1
    assert list(before.one_by_one(before)) == []


def test_versions_are_the_workloads_and_other_lanes_are_left_out() -> None:
    mesh = staged(SHOP)
    old = [one.name for one in workloads(SHOP, mesh, new=False)]
    new = [one.name for one in workloads(SHOP, mesh, new=True)]
    assert (old, new) == (["mocka.v1", "mockb.base", "mockc.v1"], ["mocka.v2", "mockc.v2"])


ADDRESS = (Attribute(source=Source.SOURCE_IP, name=""),)
CROWD = {f"s{number}": (f"s{number + 1}",) for number in range(24)} | {"s24": ()}

NOT_PLAYED = {
    "another style": replace(SHOP, style="managed"),
    "Flagger's own routes": replace(SHOP, controller="flagger"),
    "users by their address": replace(
        SHOP, sticky=replace(SHOP.sticky, by=ADDRESS) if SHOP.sticky else None
    ),
    "more than fits": releases.release(CROWD, ["s1"]),
}


@pytest.mark.parametrize("release", NOT_PLAYED.values(), ids=NOT_PLAYED)
def test_what_cannot_be_played_is_said(release: Release) -> None:
    with pytest.raises(ColorfastError) as caught:
        staged(release)
    assert caught.value.code == "CF617"


PLAYED = {
    "weights under another style": replace(SHOP, style="managed", share="weights"),
    "weights under Flagger": releases.release(PAIR, pattern="ordered", controller="flagger"),
    "services that drop the dye": releases.release(PAIR, drops=["a"]),
}


@pytest.mark.parametrize("release", PLAYED.values(), ids=PLAYED)
def test_what_the_mesh_can_stand_in_for_is_played(release: Release) -> None:
    assert staged(release)


@pytest.mark.parametrize("spec", [{"pattern": "single"}, {"share": "weights"}])
def test_what_has_no_order_cannot_be_played_in_the_wrong_one(spec: dict[str, Any]) -> None:
    with pytest.raises(ColorfastError) as caught:
        in_wrong_order(releases.release({"a": ""}, **spec))
    assert caught.value.code == "CF617"


@pytest.mark.parametrize("step", [0, 9])
async def test_a_release_is_given_up_after_one_of_its_steps_but_the_last(step: int) -> None:
    nowhere: Any = None  # refused before anything is said or started
    with pytest.raises(ColorfastError) as caught:
        await run_release_demo(SHOP, Demo(rate=1, requests=1, give_up_after=step), nowhere)
    assert caught.value.code == "CF617"


# What is asked.


def test_shares_are_those_of_entrances_or_of_services_with_weights() -> None:
    two = releases.release({"a": "c", "b": "c", "c": ""}, "ac", mesh={"entrances": "ab"})
    assert places(two) == ("a", "b")
    assert places(DIAMOND) == places(replace(DIAMOND, pattern="single")) == ("d", "b", "a")


def test_an_entrance_has_the_share_of_the_first_service_that_it_meets() -> None:
    calls = {"a": "b", "b": "c", "c": "", "d": ""}
    release = releases.release(calls, "c", mesh={"entrances": "ad"})
    play = scenes(plan(release))
    assert [asked(release, scene.now, "a") for scene in play] == [
        0, 0, 0, 500, 2_500, *[10_000] * 5,
    ]  # fmt: skip
    assert {asked(release, scene.now, "d") for scene in play} == {0}


def test_who_has_lost_the_dye_follows_the_base_route() -> None:
    release = releases.release({"a": "c", "c": ""}, "c", drops=["a"])
    shares = [asked(release, scene.now, "a") for scene in scenes(plan(release))]
    assert shares == [*[0] * 6, *[10_000] * 4]


def test_of_weights_each_service_has_its_own() -> None:
    release = releases.release(PAIR, pattern="ordered", steps=[{"weight": 50}, {"weight": 100}])
    shares = [asked(release, scene.now, "c") for scene in scenes(plan(release))]
    assert shares == [0, 0, 5_000, *[10_000] * 6]


@pytest.mark.parametrize(
    ("wanted", "found", "number", "right"),
    [
        (5_000, 0.35, 40, True),
        (5_000, 0.35, 4_000, False),
        (10_000, 0.95, 40, False),
        (0, 0.5, 40, False),
        (5_000, 0.0, 0, True),  # nobody came by
    ],
)
def test_a_share_is_as_asked_as_far_as_chance_explains_it(
    wanted: int, found: float, number: int, right: bool
) -> None:
    assert Share(place="a", asked=wanted, seen=found, number=number).is_as_asked is right


@pytest.mark.parametrize("weight", [100, 2_500, 9_900])
def test_users_make_every_share_exact(weight: int) -> None:
    policy = load_policy(
        "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"
        "  lanes: [base, canary]\n  rules:\n  - name: share\n    split:\n"
        "      by: [{cookie: uid}]\n      salt: shop-v2\n"
        f"      weights: {{canary: {weight}, base: {10_000 - weight}}}\n"
    ).policy
    engine = Engine(policy)
    lanes = [
        engine.dye(Request([("cookie", f"uid={user}".encode())], source_ip="127.0.0.1")).lane
        for user in users_of(SHOP)
    ]
    assert lanes.count("canary") == weight * USERS // 10_000


# What is made of the answers.


def answer(
    path: Hops, *, scene: Scene = WHOLE, at: float = 0, user: int = 0, error: str = ""
) -> Answer:
    return Answer(
        scene=scene.number,
        settled=True,
        entrance="mocka",
        user=user,
        began=at,
        ended=at + 0.1,
        path=path,
        error=error,
    )


@pytest.mark.parametrize(("path", "new", "out"), [(OLD, 0, 0), (NEW, 1, 0), (MIXED, 1, 1)])
def test_in_a_locked_release_a_request_with_both_versions_has_escaped(
    path: Hops, new: int, out: int
) -> None:
    assert begins_new(SHOP, path) is bool(new)
    assert is_mixed(SHOP, path) is has_escaped(SHOP, path) is bool(out)


def diamond(a: str, b: str, first: str, second: str) -> Hops:
    return (("a", a), ("b", b), ("d", first), ("c", "base"), ("d", second))


def test_calls_are_told_from_the_order_of_hops() -> None:
    made = calls(DIAMOND.mesh, diamond("v1", "v1", "v1", "v2"))
    assert [(caller[0], *called) for caller, called in made] == [
        ("a", "b", "v1"),
        ("b", "d", "v1"),
        ("a", "c", "base"),
        ("c", "d", "v2"),
    ]


@pytest.mark.parametrize(
    ("path", "out"),
    [
        (diamond("v1", "v1", "v2", "v2"), False),
        (diamond("v1", "v2", "v2", "v1"), False),  # the old one is called by c, which stays
        (diamond("v1", "v2", "v1", "v2"), True),
        (diamond("v2", "v1", "v1", "v1"), True),
    ],
)
def test_in_an_ordered_release_a_new_version_that_calls_an_old_one_has_escaped(
    path: Hops, out: bool
) -> None:
    assert is_mixed(DIAMOND, path)
    assert has_escaped(DIAMOND, path) is out
    assert not has_escaped(replace(DIAMOND, pattern="single"), path)


def test_a_step_is_told_by_its_own_requests() -> None:
    answers = [
        answer(NEW, at=1),
        answer(OLD, at=2, user=1),
        answer(MIXED, at=3, user=2),
        answer((), at=4, error="status 503"),
        answer(NEW, at=5, scene=DYED),
        replace(answer(OLD, at=6), settled=False),
    ]
    one = seen(SHOP, WHOLE, answers)
    assert (one.requests, one.mixed, one.escapes, one.errors) == (5, 1, 1, 1)
    (share,) = one.shares
    assert (share.place, share.asked, share.number) == ("mocka", 10_000, 3)
    assert share.seen == pytest.approx(2 / 3)


def test_who_had_a_new_version_and_gets_the_old_one_went_back() -> None:
    answers = [
        answer(NEW, at=1, scene=DYED),
        answer(OLD, at=1.05, scene=DYED),  # on its way before the first was answered
        answer(OLD, at=2, user=1, scene=DYED),
        answer(MIXED, at=3, scene=DYED),
        answer(OLD, at=4),
    ]
    assert seen(SHOP, DYED, answers).back == 1
    assert seen(SHOP, WHOLE, answers).back == 1


def test_the_table_has_a_line_for_each_further_place() -> None:
    shares = tuple(Share(place=one, asked=500, seen=0.05, number=9) for one in ("gate", "side"))
    one = replace(nothing(DYED), shares=shares, escapes=3)
    table = Table(["gate", "side"], PLAY)
    first, second = table.rows(one)
    assert first.split()[-9:] == ["gate", "5", "%", "5.0", "%", "0", "0", "3", "0", "0"][-9:]
    assert second.split() == ["side", "5", "%", "5.0", "%"]
    assert len(table.heading) == len(first)
    assert first.index("gate") == second.index("side") == table.heading.index("at")


def nothing(scene: Scene) -> Seen:
    return Seen(scene=scene, shares=(), requests=0, mixed=0, escapes=0, errors=0, back=0)


def test_pictures_mark_what_is_wrong() -> None:
    answers = [answer(NEW, at=1), answer(MIXED, at=2), answer((), at=3, error="status 503")]
    step = replace(plan(SHOP).steps[4], title="a < b")
    steps = [seen(SHOP, replace(WHOLE, step=step), answers)]
    (bar,) = bars(steps)
    assert bar.endswith("!")
    drawn = ET.fromstring(svg(SHOP, answers, steps))
    assert len(drawn.findall("{*}circle")) == 2
    half = Share(place="mocka", asked=0, seen=0.5, number=2)
    assert list(bars([replace(nothing(PLAY[1]), shares=(half,))])) == [
        f"   1  mocka  {'#' * 25}{'.' * 25}  50.0 %"
    ]


def test_a_picture_has_a_line_for_each_place_and_one_for_mixed_requests() -> None:
    play = scenes(plan(DIAMOND))
    path = diamond("v1", "v1", "v2", "v2")
    answers = [replace(answer(path, scene=play[1]), entrance="a")]
    drawn = ET.fromstring(svg(DIAMOND, answers, [seen(DIAMOND, play[1], answers)]))
    assert len(drawn.findall("{*}polyline")) == 4
    assert drawn.findall("{*}circle") == []


# What verify predicts beside what is seen.


def compared(release: Release, answers: list[Answer], *, after: int | None = None) -> Comparison:
    play = scenes(plan(release), after)
    steps = [seen(release, scene, answers) for scene in play]
    return Comparison(verdict=verify(release), play=play, answers=answers, steps=steps)


def test_a_safe_release_is_as_predicted_when_nothing_is_seen() -> None:
    found = compared(SHOP, [answer(OLD, scene=PLAY[0]), answer(NEW, at=1)])
    assert found.is_as_predicted
    assert list(found.lines()) == [
        "as predicted: verify says safe; seen: 2 requests, 0 escapes, 0 errors, 0 back"
    ]


UNPREDICTED = {
    "step 5: 1 escapes, which": [answer(MIXED)],
    "step 5: 1 errors, which": [answer((), error="status 503")],
    "100 % asked at mocka, 0.0 % seen": [answer(OLD)],
    "step 5: 1 back, which": [answer(NEW), answer(OLD, at=1)],
}


@pytest.mark.parametrize(("said", "answers"), UNPREDICTED.items(), ids=UNPREDICTED)
def test_what_nobody_has_predicted_is_said(said: str, answers: list[Answer]) -> None:
    found = compared(SHOP, answers)
    assert not found.is_as_predicted
    *surprises, last = found.lines()
    assert any(said in line for line in surprises), surprises
    assert last.startswith("not as predicted: verify says safe; seen: ")


def test_what_is_predicted_has_to_be_seen() -> None:
    wrong = in_wrong_order(SHOP)
    undyed = scenes(plan(wrong))[8]
    before = [answer(NEW, scene=WHOLE)]
    others = [answer(NEW, scene=undyed, at=1)] * 10
    assert compared(wrong, before).is_as_predicted  # nobody came by when it was wrong
    assert not compared(wrong, before + others).is_as_predicted
    found = compared(wrong, [*before, *others, answer(MIXED, scene=undyed, at=2)])
    assert found.is_as_predicted, list(found.lines())
    assert "  seen       mocka(v2) -> mockb -> mockc(v1), 1 time" in found.lines()


def test_what_breaks_in_a_step_that_is_not_played_need_not_be_seen() -> None:
    found = compared(in_wrong_order(SHOP), [answer(NEW)], after=5)
    assert found.is_as_predicted, list(found.lines())
    *lines, _ = found.lines()
    assert (
        lines[2::3]
        == ["  seen       not looked for: this play could show it by chance at most"] * 2
    )


def test_what_takes_trouble_need_not_be_seen() -> None:
    found = compared(replace(SHOP, controller="argo-rollouts", style="managed"), [])
    assert found.is_as_predicted, list(found.lines())
    assert any("not looked for" in line for line in found.lines())


def test_going_back_is_what_giving_up_is() -> None:
    play = scenes(plan(SHOP), 5)
    answers = [answer(NEW, scene=WHOLE), answer(OLD, scene=play[-1], at=1)]
    assert compared(SHOP, answers, after=5).is_as_predicted
