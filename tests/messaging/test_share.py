"""Who takes a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorfast.propagator.messaging import (
    Role,
    StaticLanes,
    lane_name,
    lane_of_name,
    should_consume,
    taker,
)

LANES = ("base", "canary", "pr-1", "pr-2", "pr-3")
names = st.sampled_from(LANES)
messages = st.none() | names | st.just("never-heard-of")
alive = st.frozensets(names)
families = st.dictionaries(names, names)  # circles and all


@pytest.mark.parametrize(
    ("message", "mine", "live", "takes"),
    [
        # A lane takes its own, whatever is live.
        ("canary", "canary", {"canary"}, True),
        ("canary", "canary", set(), True),
        # ... and nothing else.
        ("pr-1", "canary", {"canary"}, False),
        ("pr-1", "canary", {"canary", "pr-1"}, False),
        (None, "canary", {"canary"}, False),
        ("base", "canary", {"canary"}, False),
        # The baseline takes what has no lane, and lanes that nobody serves.
        (None, None, {"canary"}, True),
        ("base", None, {"canary"}, True),
        ("base", "base", {"canary"}, True),
        ("canary", None, set(), True),
        ("canary", None, {"pr-1"}, True),
        ("canary", None, {"canary"}, False),
    ],
)
def test_the_truth_table(
    message: str | None, mine: str | None, live: set[str], takes: bool
) -> None:
    assert should_consume(message, mine, live) is takes


@given(messages, alive, families)
def test_exactly_one_live_group_takes_a_message(
    message: str | None, live: frozenset[str], parents: dict[str, str]
) -> None:
    groups = live | {"base"}
    takers = [one for one in groups if should_consume(message, one, live, parents=parents)]
    assert takers == [taker(message, live, parents=parents)]


def test_who_is_not_listed_yet_takes_its_own_and_its_children_s() -> None:
    parents = {"pr-1": "canary"}
    takes = [should_consume(one, "canary", (), parents=parents) for one in ("canary", "pr-1")]
    assert takes == [True, True]
    assert not should_consume("pr-1", "canary", {"pr-1"}, parents=parents)
    assert not should_consume("pr-2", "canary", (), parents=parents)


def test_the_nearest_live_parent_takes_what_its_child_does_not() -> None:
    parents = {"pr-1": "canary", "canary": "pr-2"}
    assert taker("pr-1", {"pr-1", "canary"}, parents=parents) == "pr-1"
    assert taker("pr-1", {"canary", "pr-2"}, parents=parents) == "canary"
    assert taker("pr-1", {"pr-2"}, parents=parents) == "pr-2"
    assert taker("pr-1", set(), parents=parents) == "base"


def test_parents_in_a_circle_end_at_the_baseline() -> None:
    assert taker("pr-1", set(), parents={"pr-1": "pr-2", "pr-2": "pr-1"}) == "base"


def test_the_baseline_may_have_another_name() -> None:
    role = Role(lane="main", baseline="main", live=StaticLanes(["canary"]))
    assert role.is_baseline
    assert [role.takes(one) for one in ("main", "base", "canary", None)] == [
        True,
        True,
        False,
        True,
    ]


@given(messages, st.none() | names, alive, families)
def test_a_role_says_what_the_function_says(
    message: str | None, mine: str | None, live: frozenset[str], parents: dict[str, str]
) -> None:
    role = Role(lane=mine, live=StaticLanes(live), parents=parents)
    assert role.takes(message) is should_consume(message, mine, live, parents=parents)


@pytest.mark.parametrize(
    "wrong", [{"lane": "Canary"}, {"baseline": ""}, {"parents": {"a": "B"}}, {"parents": {"": "a"}}]
)
def test_a_role_of_what_is_no_lane_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is not a lane name"):
        Role(**wrong)  # type: ignore[arg-type]


def test_the_baseline_keeps_the_name_in_use() -> None:
    assert Role().name("orders") == Role(lane="base").name("orders") == "orders"
    assert Role(lane="canary").name("orders") == "orders-canary"
    assert lane_name("orders", "canary", separator=".") == "orders.canary"


@given(st.text(), names.filter("base".__ne__), st.sampled_from("-.@:"))
def test_a_name_tells_its_lane(shared: str, lane: str, separator: str) -> None:
    name = lane_name(shared, lane, separator=separator)
    assert lane_of_name(name, shared, separator=separator) == lane


@pytest.mark.parametrize("name", ["orders", "orders-", "orders-Canary", "order-canary", "x"])
def test_other_names_have_no_lane(name: str) -> None:
    assert lane_of_name(name, "orders") is None
