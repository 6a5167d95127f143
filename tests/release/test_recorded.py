"""The model in ``verify`` against what real controllers did: no Go and no cluster is needed here.

``make lab-kube`` plays the releases; with ``ARGS=--record`` it keeps what was played.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from lab.kube._drawn import Drawn
from release.cases import CASES, release_of
from release.explain import broken, disagreement, is_needed
from release.trace import DRAWN, Event, Seen, Trace, read, recorded
from release.trace import RECORDED as FOLDER

from colorfast.release import Plan
from colorfast.release.verify import Row, Table, table_of, verify

PLAYED = [case for case in CASES if case.startswith(("argo-", "kruise-"))]
RECORDED = [(file.parent.name, file.stem) for file in sorted(FOLDER.glob("*/*.yaml"))]

SHOWN = ("plan", "controller", "trouble")
"""Who makes the rows that a trace has to show. Not kubelets: here their part is played by the lab. Not
proxies: there are none, and what is written is what they will have."""


@cache
def played(case: str, play: str) -> tuple[Plan, Table, frozenset[str]]:
    """The plan of what was played, its table, and what ``verify`` reports of it."""
    release = release_of(case) if case != DRAWN else Drawn.named(play).release
    found = verify(release)
    return found.plan, found.table, frozenset(one.invariant for one in found.counterexamples)


def plan_of(case: str) -> Plan:
    return played(case, "")[0]


@cache
def traces_of(case: str) -> dict[str, Trace]:
    return {trace.play: trace for trace in recorded(case)}


def tables() -> list[Table]:
    """Of every controller and style that is played."""
    return list(
        {table_of(release_of(case)).name: table_of(release_of(case)) for case in PLAYED}.values()
    )


def plays_of(table: Table) -> Iterator[tuple[Plan, Trace]]:
    for case, play in RECORDED:
        made, its_table, _ = played(case, play if case == DRAWN else "")
        if its_table is table:
            yield made, traces_of(case)[play]


@pytest.mark.parametrize(("case", "play"), RECORDED)
def test_what_the_controller_did_is_what_plan_and_table_say(case: str, play: str) -> None:
    made, table, _ = played(case, play if case == DRAWN else "")
    assert disagreement(made, table, traces_of(case)[play]) == ""


@pytest.mark.parametrize(("case", "play"), RECORDED)
def test_what_was_broken_is_what_verify_reports(case: str, play: str) -> None:
    made, _, reported = played(case, play if case == DRAWN else "")
    assert broken(made, traces_of(case)[play]).keys() <= reported


@pytest.mark.parametrize("case", PLAYED)
def test_every_release_was_played_to_its_end(case: str) -> None:
    trace = traces_of(case)["forward"]
    assert trace.events[-1].what == plan_of(case).steps[-1].id or trace.events[-1].seen


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_a_row_that_was_seen_is_one_that_a_trace_cannot_do_without(table: Table) -> None:
    plays = list(plays_of(table))
    rows = [row for row in table.rows if row.seen == "run" and row.by in SHOWN]
    assert [row.name for row in rows if not is_needed(row, table, plays)] == []


# A trace is not explained by anything that happens to be near.


def forward(case: str = "argo-locked") -> tuple[Plan, Table, Trace]:
    return plan_of(case), table_of(release_of(case)), traces_of(case)["forward"]


def changed(trace: Trace, service: str, before: Seen, after: Seen) -> Trace:
    """*trace*, *after* being seen in place of *before*."""

    def one(event: Event) -> Event:
        is_it = event.service == service and event.seen == before
        return replace(event, seen=after) if is_it else event

    found = replace(trace, events=tuple(one(event) for event in trace.events))
    assert found != trace
    return found


def test_a_trace_is_read_as_it_was_written() -> None:
    _, _, trace = forward()
    assert read(trace.text()) == trace


def test_old_pods_that_go_too_early_are_refused() -> None:
    made, table, trace = forward()
    dyed = Seen(base="old", lane="new", old="ready", new="ready")
    wrong = changed(trace, "mocka", dyed, replace(dyed, old="none"))
    assert "old pods none" in disagreement(made, table, wrong)


def test_a_route_that_leads_elsewhere_is_refused() -> None:
    made, table, trace = forward()
    dyed = Seen(base="old", lane="new", old="ready", new="ready")
    wrong = changed(trace, "mockc", dyed, replace(dyed, lane="old"))
    assert "lane old" in disagreement(made, table, wrong)


def test_a_step_that_does_not_end_as_planned_is_refused() -> None:
    made, table, trace = forward("argo-single")
    weighed = Seen(base="old~new", old="ready", new="ready", share=25)
    wrong = changed(trace, "mockc", weighed, replace(weighed, share=26))
    assert "25" in disagreement(made, table, wrong)


def test_a_controller_that_says_what_it_cannot_be_at_is_refused() -> None:
    made, table = plan_of("argo-locked"), table_of(release_of("argo-locked"))
    trace = traces_of("argo-locked")["given-up-before-old-pods-go"]
    assert disagreement(made, table, trace) == ""
    said = [replace(one, what="healthy") if one.kind == "is" else one for one in trace.events]
    assert "could not have come to: healthy" in disagreement(
        made, table, replace(trace, events=tuple(said))
    )


def test_a_trouble_that_no_row_is_about_is_refused() -> None:
    made, table, trace = forward()
    trouble = Event(at=0.0, kind="trouble", what="an earthquake", service="mocka")
    wrong = replace(trace, events=(*trace.events, trouble))
    assert "an earthquake" in disagreement(made, table, wrong)


@pytest.mark.parametrize("field", ["when", "then"])
def test_a_row_that_says_something_else_explains_nothing(field: str) -> None:
    made, table, trace = forward()
    assert disagreement(made, table, trace) == ""
    for name in ("set the new image", "promote", "lead the base route to the new version"):
        rows = tuple(_turned(row, field) if row.name == name else row for row in table.rows)
        assert disagreement(made, replace(table, rows=rows), trace)


def test_503_and_two_versions_in_a_trace_are_found() -> None:
    made, _, trace = forward()
    switched = Seen(base="new", lane="new", old="ready", new="ready")
    assert broken(made, trace) == {}
    failing = changed(trace, "mocka", switched, replace(switched, new="none"))
    mixed = changed(trace, "mocka", switched, replace(switched, lane="old"))
    assert "availability" in broken(made, failing)
    assert "lock" in broken(made, mixed)


def _turned(row: Row, field: str) -> Row:
    other = {"ctl": "elsewhere"}
    return replace(row, when=other) if field == "when" else replace(row, then=other)
