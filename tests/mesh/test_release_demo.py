"""``colorfast release demo``: a release in a mesh of real Envoys, and what is made of its answers."""

import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from colorfast.mesh.release import DEFAULT_RELEASE, Demo, run_release_demo
from colorfast.mesh.release._load import USERS, Answer, users_of
from colorfast.mesh.release._load import Path as Hops
from colorfast.mesh.release._plot import bars, svg
from colorfast.mesh.release._seen import Seen, escaped, is_new, seen
from colorfast.mesh.release._stage import staged, workloads
from colorfast.policy import (
    Attribute,
    ColorfastError,
    Engine,
    Request,
    Source,
    load_policy,
)
from colorfast.release import Release, load_release, plan


def shop() -> Release:
    folder = DEFAULT_RELEASE.parent
    read = lambda name: (folder / name).read_text()  # noqa: E731
    return load_release(DEFAULT_RELEASE.read_text(), read=read).release


SHOP = shop()
OLD: Hops = (("mocka", "v1"), ("mockb", "base"), ("mockc", "v1"))
NEW: Hops = (("mocka", "v2"), ("mockb", "base"), ("mockc", "v2"))
MIXED: Hops = (("mocka", "v2"), ("mockb", "base"), ("mockc", "v1"))


async def played(demo: Demo) -> tuple[int, list[list[str]], str]:
    """The exit status, the rows of the table, and everything that was said."""
    out = io.StringIO()
    status = await run_release_demo(SHOP, demo, out)
    text = out.getvalue()
    table = text.split("\n\n")[1].splitlines()[1:]
    return status, [line.split() for line in table], text


async def test_a_release_in_the_order_of_its_plan_shows_no_escape_and_no_error(
    tmp_path: Path,
) -> None:
    picture = tmp_path / "shares.svg"
    status, rows, text = await played(Demo(rate=50, requests=USERS, svg=picture))
    assert status == 0, text
    assert len(rows) == 1 + len(plan(SHOP).steps)
    for row in rows:
        asked, _, found, _, _, escapes, errors, back = row[-8:]
        assert float(found) == pytest.approx(float(asked), abs=2), text
        assert (escapes, errors, back) == ("0", "0", "0"), text
    assert [row[-8] for row in rows] == ["0", "0", "0", "5", "25", *["100"] * 5]
    ET.fromstring(picture.read_text())
    assert "verify says that this release is safe" in text


async def test_the_wrong_order_shows_the_request_that_verify_has_predicted() -> None:
    status, rows, text = await played(Demo(rate=50, requests=40, break_order=True))
    assert status == 0, text
    assert "predicted  mocka(v2) -> mockb -> mockc(v1)" in text
    assert "seen       mocka(v2) -> mockb -> mockc(v1)" in text
    escapes = {" ".join(row[1:-8]): int(row[-3]) for row in rows}
    assert escapes["dye nobody"] > 0
    assert not any(number for title, number in escapes.items() if title != "dye nobody"), text


# What is made of the answers.


def answer(path: Hops, *, step: int = 1, at: float = 0, user: int = 0, error: str = "") -> Answer:
    return Answer(
        step=step, settled=True, user=user, began=at, ended=at + 0.1, path=path, error=error
    )


@pytest.mark.parametrize(("path", "new", "out"), [(OLD, 0, 0), (NEW, 1, 0), (MIXED, 1, 1)])
def test_a_request_with_both_versions_has_escaped(path: Hops, new: int, out: int) -> None:
    assert (is_new(SHOP, path), escaped(SHOP, path)) == (bool(new), bool(out))


def test_a_step_is_told_by_its_own_requests() -> None:
    answers = [
        answer(NEW, at=1),
        answer(OLD, at=2, user=1),
        answer(MIXED, at=3, user=2),
        answer((), at=4, error="status 503"),
        answer(NEW, at=5, step=2),
        replace(answer(OLD, at=6), settled=False),
    ]
    one = seen(SHOP, 1, "x", 5_000, answers)
    assert (one.requests, one.escapes, one.errors) == (5, 1, 1)
    assert one.share == pytest.approx(2 / 3)


def test_who_had_a_new_version_and_gets_the_old_one_went_back() -> None:
    answers = [
        answer(NEW, at=1),
        answer(OLD, at=1.05),  # on its way before the first was answered
        answer(OLD, at=2, user=1),
        answer(MIXED, at=3),
        answer(OLD, at=4, step=2),
    ]
    assert seen(SHOP, 1, "x", 0, answers).back == 1
    assert seen(SHOP, 2, "x", 0, answers).back == 1


def test_pictures_mark_what_is_wrong() -> None:
    answers = [answer(NEW, at=1), answer(MIXED, at=2), answer((), at=3, error="status 503")]
    steps = [seen(SHOP, 1, "a < b", 10_000, answers)]
    (bar,) = bars(steps)
    assert bar.endswith("!")
    drawn = ET.fromstring(svg(SHOP, answers, steps))
    assert len(drawn.findall("{*}circle")) == 2
    assert list(
        bars(
            [Seen(number=1, title="", asked=0, requests=1, share=0.5, escapes=0, errors=0, back=0)]
        )
    ) == [f"   1  {'#' * 25}{'.' * 25}  50.0 %"]


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
        for user in users_of("shop-v2")
    ]
    assert lanes.count("canary") == weight * USERS // 10_000


# What is played.


def test_versions_are_the_workloads_and_other_lanes_are_left_out() -> None:
    mesh = staged(SHOP)
    old = [one.name for one in workloads(SHOP, mesh, new=False)]
    new = [one.name for one in workloads(SHOP, mesh, new=True)]
    assert (old, new) == (["mocka.v1", "mockb.base", "mockc.v1"], ["mocka.v2", "mockc.v2"])


NOT_PLAYED = {
    "another style": replace(SHOP, style="managed"),
    "shares by routes": replace(SHOP, share="entrance"),
    "Flagger": replace(SHOP, controller="flagger"),
    "services that lose the dye": replace(SHOP, drops=frozenset(["mockb"])),
    "users by their address": replace(
        SHOP,
        sticky=replace(SHOP.sticky, by=(Attribute(source=Source.SOURCE_IP, name=""),))
        if SHOP.sticky
        else None,
    ),
}


@pytest.mark.parametrize("release", NOT_PLAYED.values(), ids=NOT_PLAYED)
def test_what_cannot_be_played_is_said(release: Release) -> None:
    with pytest.raises(ColorfastError) as caught:
        staged(release)
    assert caught.value.code == "CF617"
