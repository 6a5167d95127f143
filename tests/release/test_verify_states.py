"""How ``verify`` gets by with few states, and the tables that they come from."""

from typing import Any

import pytest

from colorfast.release import CONTROLLERS, STYLES_OF, Controller, Style, plan
from colorfast.release.verify import TABLES, Row, System, Table, Verdict, verify
from colorfast.release.verify._search import Space
from helpers import releases
from helpers.releases import CHAIN, DIAMOND, Calls

KINDS = [(controller, style) for controller, styles in STYLES_OF.items() for style in styles]
ONE_STEP: dict[str, Any] = {"steps": [{"weight": 100}]}

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
    if graph != "two" and pairs.safe:
        assert pairs.states < whole.states


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
