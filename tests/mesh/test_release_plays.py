"""``colorfast release demo``: releases of every pattern in a mesh of real Envoys, under load."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mesh.shop import SHOP

from colorfast.mesh.release import Demo, run_release_demo
from colorfast.release import Release, plan
from helpers import releases

DRAWN = {"rate": 20, "requests": 30}
"""Where each request is drawn: enough for users to lose what they had."""
PAIR: releases.Calls = {"a": "c", "c": ""}
TWO_STEPS: dict[str, Any] = {"steps": [{"weight": 50}, {"weight": 100}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One step of the table; the shares are by place, in percent."""

    label: str
    title: str
    asked: dict[str, float]
    requests: int
    mixed: int
    escapes: int
    errors: int
    back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    status: int
    rows: list[Row]
    text: str

    @property
    def last(self) -> str:
        return self.text.splitlines()[-1]

    def row(self, label: str) -> Row:
        return next(row for row in self.rows if row.label == label)

    def escapes_from(self, first: str, last: str) -> bool:
        """Whether these steps have escapes and others have not.

        The step after them may: requests come while it changes what let them escape.
        """
        labels = [row.label for row in self.rows]
        here = range(labels.index(first), labels.index(last) + 1)
        return all(
            bool(row.escapes) is (index in here)
            for index, row in enumerate(self.rows)
            if index != here.stop
        )


async def play(release: Release, **demo: Any) -> Play:
    out = io.StringIO()
    status = await run_release_demo(release, Demo(**{"rate": 15, "requests": 8} | demo), out)
    text = out.getvalue()
    lines = text.split("\n\n")[1].splitlines()
    return Play(status=status, rows=list(rows_of(*lines)), text=text)


def rows_of(heading: str, *lines: str) -> Iterator[Row]:
    at = heading.index(" at ") + 1
    for index, line in enumerate(lines):
        if not line[:at].strip():
            continue
        place, share, _, _, _, *counts = line[at:].split()
        asked = {place: float(share)}
        for more in lines[index + 1 :]:
            if more[:at].strip():
                break
            place, share, *_ = more[at:].split()
            asked[place] = float(share)
        requests, mixed, escapes, errors, back = map(int, counts)
        yield Row(
            label=line[:4].strip(),
            title=line[4:at].strip(),
            asked=asked,
            requests=requests,
            mixed=mixed,
            escapes=escapes,
            errors=errors,
            back=back,
        )


async def test_a_release_in_the_order_of_its_plan_shows_no_escape_and_no_error(
    tmp_path: Path,
) -> None:
    picture = tmp_path / "shares.svg"
    shown = await play(SHOP, svg=picture, requests=12)
    assert shown.status == 0, shown.text
    assert [row.title for row in shown.rows[1:]] == [step.title for step in plan(SHOP).steps]
    assert [row.asked["mocka"] for row in shown.rows] == [0, 0, 0, 5, 25, *[100] * 5]
    assert all((row.mixed, row.errors, row.back) == (0, 0, 0) for row in shown.rows), shown.text
    assert shown.last.startswith("as predicted: verify says safe; seen: ")
    ET.fromstring(picture.read_text())


async def test_the_wrong_order_shows_the_request_that_verify_has_predicted() -> None:
    release = releases.release({"a": "b", "b": "c", "c": ""}, "ac", steps=[{"weight": 100}])
    shown = await play(release, break_order=True)
    assert shown.status == 0, shown.text
    assert "predicted  a(v2) -> b -> c(v1)" in shown.text
    assert "seen       a(v2) -> b -> c(v1), " in shown.text
    assert shown.row("6").title == "dye nobody"
    assert shown.escapes_from("6", "6"), shown.text
    assert shown.last.startswith("as predicted: verify says not safe (lock and stickiness); ")


async def test_a_release_with_two_entrances_is_given_up_after_its_promotion() -> None:
    calls = {"a": "c", "b": "c", "c": ""}
    release = releases.release(calls, "c", mesh={"entrances": "ab"}, **TWO_STEPS)
    shown = await play(release, give_up_after=6)
    assert shown.status == 0, shown.text
    assert [row.label for row in shown.rows] == [*"0123456", *(f"r{one}" for one in range(1, 8))]
    shares = [0, 0, 0, 50, 100, 100, 100, 100, 100, 100, 100, 0, 0, 0]
    assert [row.asked for row in shown.rows] == [{"a": one, "b": one} for one in shares]
    assert all((row.mixed, row.errors) == (0, 0) for row in shown.rows), shown.text
    assert shown.row("r5").back > 0  # which is what giving up is


async def test_behind_a_service_that_drops_the_dye_requests_escape_as_predicted() -> None:
    shown = await play(releases.release(PAIR, drops=["a"], **TWO_STEPS))
    assert shown.status == 0, shown.text
    assert "seen       a(v2) -> c(v1), " in shown.text
    assert shown.escapes_from("3", "4"), shown.text


async def test_a_strict_lane_fails_where_a_service_is_not_in_it_as_predicted() -> None:
    release = releases.release({"a": "b", "b": ""}, "a", mesh={"strict": ["canary"]}, **TWO_STEPS)
    shown = await play(release)
    assert shown.status == 0, shown.text
    assert "predicted  a(v2) -> b(503)" in shown.text
    assert (shown.row("5").errors, shown.row("2").errors) == (shown.row("5").requests, 0)


async def test_in_an_ordered_release_mixed_requests_are_no_escapes() -> None:
    release = releases.release(PAIR, pattern="ordered", **TWO_STEPS)
    shown = await play(release, give_up_after=6, **DRAWN)
    assert shown.status == 0, shown.text
    shares = [(0, 0), (0, 0), (50, 0), *[(100, 0)] * 3, (100, 50), (100, 0), (100, 0)]
    assert [tuple(row.asked.values()) for row in shown.rows] == shares
    assert shown.row("4").mixed == shown.row("4").requests  # the new c behind the old a
    assert all((row.escapes, row.errors) == (0, 0) for row in shown.rows), shown.text
    # The service that was through stays.
    assert [row.title for row in shown.rows[-2:]] == [
        "give the old version all requests",
        "abort its controller; the new pods go",
    ]


async def test_weights_of_a_single_service_are_no_escapes_and_no_errors() -> None:
    shown = await play(releases.release({"a": ""}, pattern="single", **TWO_STEPS), **DRAWN)
    assert shown.status == 0, shown.text
    assert [row.asked["a"] for row in shown.rows] == [0, 0, 50, 100, 100]
    assert shown.row("2").back > 0  # each request is drawn for itself


async def test_weights_at_every_service_mix_versions_as_predicted() -> None:
    shown = await play(releases.release(PAIR, share="weights", **TWO_STEPS), **DRAWN)
    assert shown.status == 0, shown.text
    assert shown.escapes_from("2", "2"), shown.text
    assert shown.last.startswith("as predicted: verify says not safe (lock, stickiness")


async def test_weights_at_the_entrance_keep_the_lane_and_lose_the_user_as_predicted() -> None:
    shown = await play(releases.release(PAIR, share="entrance", **TWO_STEPS), **DRAWN)
    assert shown.status == 0, shown.text
    assert [row.asked["a"] for row in shown.rows] == [0, 0, 0, 50, *[100] * 5]
    assert not any(row.mixed or row.errors for row in shown.rows), shown.text
    assert shown.row("3").back > 0
    assert "verify says (stickiness): each request of a user is drawn anew at a" in shown.text
