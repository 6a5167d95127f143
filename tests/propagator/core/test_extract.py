"""What is taken out of carriers, and what a context holds then."""

import logging
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, detach, set_value
from opentelemetry.propagators.composite import CompositePropagator

from colorfast.propagator import LanePropagator, Settings, lane
from colorfast.propagator._context import BAGGAGE
from helpers.carriers import Answers, Raises


def lane_in(carrier: Any, context: Context | None = None, **options: Any) -> str | None:
    return lane.current(LanePropagator().extract(carrier, context, **options))


@pytest.mark.parametrize(
    ("carrier", "expected"),
    [
        ({}, None),
        ({"x-lane": "canary"}, "canary"),
        ({"baggage": "lane=canary"}, "canary"),
        ({"baggage": "a=1,\tlane = canary ;p=1,b=2"}, "canary"),
        ({"x-lane": "blue", "baggage": "lane=green"}, "blue"),
        # Not valid is not there.
        ({"x-lane": "CANARY", "baggage": "lane=green"}, "green"),
        ({"x-lane": "", "baggage": "lane="}, None),
        ({"x-lane": "blue,green"}, None),
        ({"x-lane": "blue\r\nevil: 1"}, None),
        ({"x-lane": "%62lue"}, None),
        ({"x-lane": "x" * 64}, None),
        # The last valid piece, as OpenTelemetry takes it and a hop does.
        ({"baggage": "lane=blue,lane=green"}, "green"),
        ({"baggage": "lane=blue,lane=EVIL"}, "blue"),
        ({"baggage": "xlane=blue,lane2=blue,k;lane=blue,k=lane=blue,LANE=blue"}, None),
        # Encoded by somebody who encodes more than is needed.
        ({"baggage": "lane=can%61ry"}, "canary"),
        ({"baggage": "lane=%zz"}, None),
        # Several lines.
        ({"x-lane": ["blue", "green"]}, None),
        ({"x-lane": ("blue",)}, "blue"),
        ({"baggage": ["a=1", "lane=blue"]}, "blue"),
        # Other types.
        ({"x-lane": b"blue"}, "blue"),
        ({"x-lane": [b"blue"]}, "blue"),
        ({"x-lane": b"bl\xfce", "baggage": b"lane=green"}, "green"),
        ({"x-lane": 5}, None),
        ({"x-lane": [5]}, None),
        ({"x-lane": None, "baggage": None}, None),
        ({"x-lane": object()}, None),
    ],
)
def test_the_lane_of_a_carrier(carrier: dict[str, Any], expected: str | None) -> None:
    assert lane_in(carrier) == expected


@pytest.mark.parametrize("found", ["blue", b"blue", ["blue"], [b"blue"], ("blue",)])
def test_getters_may_answer_as_they_like(found: Any) -> None:
    assert lane_in(object(), getter=Answers({"x-lane": found})) == "blue"


@pytest.mark.parametrize("found", [None, [], (), "", [None], [7, 8], {}, object(), iter(["blue"])])
def test_getters_may_answer_with_nothing_usable(found: Any) -> None:
    context = Context({"k": 1})
    getter = Answers({"x-lane": found, "baggage": found})
    assert LanePropagator().extract(object(), context, getter) is context


def test_without_a_context_it_is_an_empty_one_and_not_the_current_one() -> None:
    with lane.use("canary"):
        assert LanePropagator().extract({}) == {}
        assert lane_in({}) is None


@pytest.mark.parametrize("carrier", [{}, {"x-lane": "EVIL"}, {"x-lane": "a,b"}, {"other": "1"}])
def test_nothing_found_is_the_same_object(carrier: dict[str, str]) -> None:
    context = Context({"k": 1})
    assert LanePropagator().extract(carrier, context) is context


def test_what_is_in_the_context_stays_in_it() -> None:
    context = LanePropagator().extract({"x-lane": "blue"}, Context({"k": 1}))
    assert context["k"] == 1


def test_extracting_twice_changes_nothing_more() -> None:
    propagator, carrier = LanePropagator(), {"x-lane": "blue", "baggage": "a=1,lane=blue"}
    once = propagator.extract(carrier)
    assert propagator.extract(carrier, once) is once


def test_opentelemetrys_baggage_is_asked_after_the_header_and_before_the_raw_lines() -> None:
    context = baggage.set_baggage("lane", "green", Context())
    assert lane_in({}, context) == "green"
    assert lane_in({"baggage": "lane=blue"}, context) == "green"
    assert lane_in({"x-lane": "blue"}, context) == "blue"


def test_header_and_opentelemetrys_baggage_agree_afterwards() -> None:
    context = baggage.set_baggage("lane", "green", Context())
    assert (
        baggage.get_baggage("lane", LanePropagator().extract({"x-lane": "blue"}, context)) == "blue"
    )


@pytest.mark.parametrize("value", ["green;ttl=1", "green ;a;b=2"])
def test_properties_that_opentelemetry_leaves_in_the_value_are_cut_off(value: str) -> None:
    context = LanePropagator().extract({}, Context({BAGGAGE: {"lane": value}}))
    assert baggage.get_baggage("lane", context) == "green"


@pytest.mark.parametrize("value", [None, 5, b"green", "", "EVIL", ["green"]])
def test_a_value_that_the_application_set_may_be_anything(value: Any) -> None:
    assert lane_in({}, Context({BAGGAGE: {"lane": value}})) is None


def test_the_member_comes_first_in_opentelemetrys_baggage() -> None:
    context = baggage.set_baggage("tenant", "acme", Context())
    extracted = LanePropagator().extract({"x-lane": "blue"}, context)
    assert list(baggage.get_all(extracted)) == ["lane", "tenant"]


def test_a_raising_getter_is_logged_once_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    context = Context({"k": 1})
    for _ in range(3):
        assert LanePropagator().extract({"x-lane": "blue"}, context, Raises()) is context
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "CF704" in caplog.text


def test_values_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    LanePropagator().extract("SECRET", None, Raises("SECRET"))
    assert "CF704: a str cannot be read as a carrier: RuntimeError" in caplog.text
    LanePropagator().extract({"x-lane": "SECRET", "baggage": "lane=SECRET,SECRET" * 9})
    assert "SECRET" not in caplog.text


def test_only_allowed_lanes_are_taken() -> None:
    propagator = LanePropagator(Settings.of({"COLORFAST_LANES": "base,pr-*"}))
    taken = [
        lane.current(propagator.extract({"x-lane": name})) for name in ("base", "pr-7", "canary")
    ]
    assert taken == ["base", "pr-7", None]


def test_other_names_of_header_and_member() -> None:
    chosen = Settings.of({"COLORFAST_HEADER": "X-Dye", "COLORFAST_MEMBER": "dye"})
    propagator = LanePropagator(chosen)
    context = propagator.extract({"x-dye": "blue", "x-lane": "green", "baggage": "lane=green"})
    carrier: dict[str, str] = {}
    propagator.inject(carrier, context)
    assert carrier == {"x-dye": "blue", "baggage": "dye=blue,lane=green"}


def test_baggage_is_looked_at_up_to_its_limit_and_no_member_is_cut_in_two() -> None:
    filler = "a=" + "1" * 8180
    assert lane_in({"baggage": f"lane=blue,{filler},lane=green"}) == "blue"
    assert lane_in({"baggage": f"{filler},lane=greenest"}) is None


@pytest.mark.parametrize(("invalid", "expected"), [(63, "blue"), (64, None)])
def test_so_many_pieces_of_ours_are_looked_at(invalid: int, expected: str | None) -> None:
    assert lane_in({"baggage": "lane=blue" + ",lane=NO" * invalid}) == expected


def test_memory_does_not_grow_with_the_names_that_clients_invent() -> None:
    chosen = Settings.of({"COLORFAST_LANES": "*"})
    for number in range(5000):
        assert lane_in({}) is None
        assert chosen.lanes.admit(f"pr-{number}")
    assert len(chosen.lanes._known) <= 1024


@pytest.mark.parametrize(
    ("carrier", "expected"),
    [
        ({"baggage": "a=1,lane=blue,b=2"}, "a=1,lane=blue,b=2"),
        ({"baggage": "a=1,lane=blue;p=1"}, "lane=blue,a=1"),
        ({"x-lane": "blue", "baggage": "a=1,b=2"}, "lane=blue,a=1,b=2"),
        ({"x-lane": "blue", "baggage": "a=1,lane=green"}, "lane=blue,a=1"),
        ({"x-lane": "blue"}, "lane=blue"),
    ],
)
def test_beside_opentelemetrys_propagator_both_carriers_agree(
    carrier: dict[str, str], expected: str
) -> None:
    both = CompositePropagator([W3CBaggagePropagator(), LanePropagator()])
    sent: dict[str, str] = {}
    both.inject(sent, both.extract(carrier, Context()))
    assert sent == {"x-lane": "blue", "baggage": expected}


def test_in_the_other_order_they_agree_too() -> None:
    both = CompositePropagator([LanePropagator(), W3CBaggagePropagator()])
    sent: dict[str, str] = {}
    both.inject(sent, both.extract({"x-lane": "blue", "baggage": "a=1,b=2"}, Context()))
    assert sent == {"x-lane": "blue", "baggage": "lane=blue,a=1,b=2"}


def test_the_current_context_is_not_touched() -> None:
    token = attach(set_value("k", 1, Context()))
    try:
        LanePropagator().extract({"x-lane": "blue"})
        assert lane.current() is None
    finally:
        detach(token)
