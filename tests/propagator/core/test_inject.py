"""What is put into carriers."""

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator

from colorfast.propagator import LaneExtractPropagator, LanePropagator, Settings, lane
from colorfast.propagator._context import BAGGAGE
from helpers.carriers import Append, Noting, Raises, Wrapped

BLUE = LanePropagator().extract({"x-lane": "blue"})
NO_LANE = Context()


def arrived(baggage_line: str, **headers: str) -> Context:
    return LanePropagator().extract({"baggage": baggage_line, **headers})


def sent(context: Context | None, carrier: Any = None, **options: Any) -> Any:
    carrier = {} if carrier is None else carrier
    LanePropagator().inject(carrier, context, **options)
    return carrier


def test_lane_header_and_member_are_sent() -> None:
    assert sent(BLUE) == {"x-lane": "blue", "baggage": "lane=blue"}


def test_without_a_context_it_is_the_current_one() -> None:
    with lane.use("green"):
        assert sent(None) == {"x-lane": "green", "baggage": "lane=green"}


def test_without_a_lane_nothing_is_sent() -> None:
    assert sent(NO_LANE) == {}
    assert sent(NO_LANE, {"x-lane": "by-hand"}) == {"x-lane": "by-hand"}


def test_a_lane_that_the_application_put_into_baggage_is_sent() -> None:
    assert sent(baggage.set_baggage("lane", "green", BLUE))["x-lane"] == "green"
    assert sent(baggage.set_baggage("lane", "green;ttl=1", NO_LANE))["x-lane"] == "green"


@pytest.mark.parametrize("value", ["EVIL", "a\r\nb", 5, None, b"blue", "a,b"])
def test_a_value_that_is_no_lane_is_never_sent(value: Any) -> None:
    assert sent(Context({BAGGAGE: {"lane": value}})) == {}


def test_an_application_that_clears_baggage_clears_the_lane() -> None:
    assert sent(baggage.clear(BLUE)) == {}
    assert sent(baggage.remove_baggage("lane", BLUE)) == {}


# The others' members, where OpenTelemetry's propagator does not forward them.


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=1,lane=blue,b=2", "lane=blue,a=1,b=2"),
        ("lane=blue, a = 1;p=%20 ,,b=2", "lane=blue,a = 1;p=%20 ,,b=2"),
        ('lane=blue,bad piece,"q"', 'lane=blue,bad piece,"q"'),
        ("lane=blue,lane=green,a=1", "lane=green,a=1"),
        ("lane=blue,a=\t1", "lane=blue,a=\t1"),
        # What a client would refuse to send would fail the application's request.
        ("lane=blue,a=\r\nx: y,b=2,c=\xfc,d=3", "lane=blue,b=2,d=3"),
        ("lane=blue,a=\x7f,b=2", "lane=blue,b=2"),
        ("lane=blue,a=\xfc,b=2", "lane=blue,b=2"),
    ],
)
def test_the_others_members_are_forwarded_as_they_came(line: str, expected: str) -> None:
    assert sent(arrived(line))["baggage"] == expected


def test_they_are_forwarded_without_a_lane_too_and_what_is_no_lane_is_not() -> None:
    assert sent(arrived("a=1,lane=EVIL,b=2")) == {"baggage": "a=1,b=2"}
    assert sent(arrived("lane=EVIL")) == {}


def test_several_lines_are_forwarded_as_one() -> None:
    context = LanePropagator().extract({"baggage": ["a=1", "lane=blue,b=2"]})
    assert sent(context)["baggage"] == "lane=blue,a=1,b=2"


def test_another_lane_by_hand_keeps_the_others() -> None:
    context = baggage.set_baggage("lane", "green", arrived("a=1,lane=blue"))
    assert sent(context) == {"x-lane": "green", "baggage": "lane=green,a=1"}


# Beside OpenTelemetry's propagator.

BOTH = CompositePropagator([W3CBaggagePropagator(), LanePropagator()])


def through_both(carrier: dict[str, Any], **more: str) -> dict[str, str]:
    context = BOTH.extract(carrier, Context())
    for key, value in more.items():
        context = baggage.set_baggage(key, value, context)
    out: dict[str, str] = {}
    BOTH.inject(out, context)
    return out


def test_no_member_is_there_twice() -> None:
    assert (
        through_both({"x-lane": "blue", "baggage": "a=1,lane=blue"})["baggage"] == "a=1,lane=blue"
    )


def test_the_member_is_put_first_where_it_was_not() -> None:
    assert through_both({"x-lane": "blue", "baggage": "a=1"})["baggage"] == "lane=blue,a=1"


def test_what_the_application_sets_wins() -> None:
    out = through_both({"baggage": "a=1,lane=blue"}, a="2", lane="green", new="3")
    assert out == {"x-lane": "green", "baggage": "a=2,lane=green,new=3"}


def test_what_the_application_removes_does_not_come_back() -> None:
    context = BOTH.extract({"baggage": "a=1,lane=blue,b=2"}, Context())
    out: dict[str, str] = {}
    BOTH.inject(out, baggage.remove_baggage("a", context))
    assert out["baggage"] == "lane=blue,b=2"
    out = {}
    BOTH.inject(out, baggage.clear(context))
    assert out == {}


def test_members_that_opentelemetry_does_not_read_are_forwarded_beside_its_own() -> None:
    # It reads the first line only.
    assert through_both({"baggage": ["lane=blue", "b=2"]}, c="3")["baggage"] == (
        "lane=blue,c=3,b=2"
    )


def test_a_line_that_is_written_anew_has_no_lane_that_is_none() -> None:
    assert sent(arrived("b=2"), {"baggage": "lane=EVIL,a=1"}) == {"baggage": "a=1,b=2"}


def test_a_lane_that_its_limits_cut_off_is_sent_all_the_same() -> None:
    context = Context()
    for number in range(200):
        context = baggage.set_baggage(f"k{number}", "v", context)
    out: dict[str, str] = {}
    BOTH.inject(out, baggage.set_baggage("lane", "blue", context))
    assert out["x-lane"] == "blue"
    assert out["baggage"].split(",").count("lane=blue") == 1


# Carriers that hold something already.


def test_stale_entries_of_a_list_are_replaced() -> None:
    carrier = [("x-lane", b"old"), ("k", b"v"), ("X-Lane", b"older"), (b"x-lane", b"oldest")]
    assert sent(BLUE, carrier, setter=Append()) == [
        ("k", b"v"),
        ("x-lane", b"blue"),
        ("baggage", b"lane=blue"),
    ]


def test_what_is_no_entry_of_a_list_is_left_alone() -> None:
    odd = [("x-lane",), (), None, 5, "x-lane", ("k", b"v")]
    assert sent(BLUE, [*odd, ("baggage",)], setter=Append()) == [
        *odd,
        ("baggage",),
        ("x-lane", b"blue"),
        ("baggage", b"lane=blue"),
    ]


def test_stale_baggage_of_a_list_is_replaced_and_its_others_stay() -> None:
    carrier = [("baggage", b"lane=old,a=1")]
    assert sent(BLUE, carrier, setter=Append())[1:] == [("baggage", b"lane=blue,a=1")]


def test_a_record_that_is_forwarded_again_and_again_does_not_grow() -> None:
    context = baggage.set_baggage("a", "1", BLUE)
    carrier: list[tuple[str, bytes]] = []
    for _ in range(5):
        BOTH.inject(carrier, context, Append())
    assert sorted(carrier) == [("baggage", b"lane=blue,a=1"), ("x-lane", b"blue")]


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_a_differently_cased_entry_of_a_dict_is_replaced(kind: type[dict[str, str]]) -> None:
    carrier = kind({"X-LANE": "old", "Baggage": "a=1", "k": "v"})
    assert sent(BLUE, carrier) == {"k": "v", "x-lane": "blue", "baggage": "lane=blue,a=1"}


def test_baggage_that_says_the_same_is_left_alone() -> None:
    for line in ("a=1,lane=blue", "lane=blue", "lane=blue;p=1, a=1"):
        assert sent(BLUE, {"baggage": line})["baggage"] == line


@pytest.mark.parametrize("line", ["lane=green,a=1", "a=1,lane=blue,lane=blue", "a=1,lane=EVIL"])
def test_baggage_that_says_something_else_is_mended(line: str) -> None:
    assert sent(BLUE, {"baggage": line})["baggage"] == "lane=blue,a=1"


def test_what_only_its_setter_can_read_is_left_to_who_wrote_it() -> None:
    carrier: dict[str, Any] = {}
    context = baggage.set_baggage("a", "1", BLUE)
    BOTH.inject(carrier, context, Wrapped())
    assert carrier["x-lane"]["StringValue"] == "blue"
    assert carrier["baggage"]["StringValue"] == "lane=blue,a=1"


class Headers(MutableMapping[str, str]):
    """Case-insensitive, as the headers of clients are, and no dict."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        self._items[name.lower()] = value

    def __delitem__(self, name: str) -> None:
        del self._items[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def test_headers_of_clients_are_read_before_they_are_written() -> None:
    carrier = Headers()
    carrier["X-Lane"] = "old"
    carrier["Baggage"] = "lane=old,a=1"
    assert dict(sent(BLUE, carrier)) == {"x-lane": "blue", "baggage": "lane=blue,a=1"}


@pytest.mark.parametrize("carrier", [None, 5, (), "text", object(), [1, None, ()], {1: 2, None: 3}])
def test_no_carrier_makes_it_raise(carrier: Any) -> None:
    LanePropagator().inject(carrier, BLUE)
    LanePropagator().extract(carrier)


def test_a_raising_setter_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        LanePropagator().inject({}, BLUE, Raises())
    assert len(caplog.records) == 1
    assert "CF704" in caplog.text


# Fields and modes.


@pytest.mark.parametrize("mode", ["forward", "member", "off"])
def test_fields_are_exactly_what_is_set(mode: str) -> None:
    propagator = LanePropagator(Settings.of({"COLORFAST_BAGGAGE": mode}))
    noting = Noting()
    propagator.inject({}, propagator.extract({"x-lane": "blue", "baggage": "a=1"}), noting)
    assert sorted(noting.names) == sorted(propagator.fields)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("forward", {"x-lane": "blue", "baggage": "lane=blue,a=1"}),
        ("member", {"x-lane": "blue", "baggage": "lane=blue"}),
        ("off", {"x-lane": "blue"}),
    ],
)
def test_what_is_written_to_baggage_can_be_chosen(mode: str, expected: dict[str, str]) -> None:
    propagator = LanePropagator(Settings.of({"COLORFAST_BAGGAGE": mode}))
    out: dict[str, str] = {}
    propagator.inject(out, propagator.extract({"baggage": "a=1,lane=blue"}))
    assert out == expected


def test_the_one_way_propagator_takes_and_does_not_send() -> None:
    propagator = LaneExtractPropagator()
    context = propagator.extract({"x-lane": "blue", "baggage": "a=1"})
    out: dict[str, str] = {}
    propagator.inject(out, context)
    assert lane.current(context) == "blue"
    assert out == {}
    assert propagator.fields == set()
