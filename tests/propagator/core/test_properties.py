"""Whatever is in carriers: nothing is raised, and two ways to say a thing come to the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import Context

from colorfast.lane import Member, is_lane_name
from colorfast.propagator import LanePropagator, lane
from colorfast.propagator._find import finder
from colorfast.propagator._rest import decode, encode
from colorfast.propagator._settings import Settings
from helpers.carriers import Answers

PROPAGATOR = LanePropagator(Settings())
FIND = finder(Settings())
MEMBER = Member("lane")

PIECES = ["lane", "=", ",", " ", "\t", ";", "x", "lane=a", "lane2", "xlane", "é", "=b", "a", "\n"]
baggage_lines = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=24).map("".join)
plain_lines = baggage_lines.filter(lambda line: "%" not in line)
lanes = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)
headers = st.one_of(lanes, st.text(max_size=9), st.none())
anything = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.binary(max_size=8) | lanes,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=5,
)
names = st.sampled_from(["x-lane", "X-Lane", "baggage", "BAGGAGE", "k"])
carriers = st.one_of(
    st.dictionaries(names | st.integers(), anything, max_size=5),
    st.lists(st.tuples(names | names.map(str.encode), anything) | anything, max_size=5),
    anything,
)


def _with_baggage(entries: dict[str, Any]) -> Context:
    context = Context()
    for key, value in entries.items():
        context = baggage.set_baggage(key, value, context)
    return context


contexts = st.one_of(
    st.just(Context()),
    st.dictionaries(st.sampled_from(["lane", "a"]), anything).map(_with_baggage),
)


def last_valid(line: str) -> str | None:
    """What the definition says: the last valid value of ours."""
    values = [value.decode("latin-1") for value in MEMBER.read(encode(line)).values]
    return next((value for value in reversed(values) if is_lane_name(value)), None)


@given(plain_lines)
def test_finding_agrees_with_the_codec(line: str) -> None:
    assert FIND(line) == last_valid(line)


@given(st.text())
def test_any_text_comes_back_from_bytes(text: str) -> None:
    assert decode(encode(text)) == text


@given(anything, anything, contexts)
def test_extract_never_raises_and_finds_lanes_only(
    header: Any, line: Any, context: Context
) -> None:
    found = PROPAGATOR.extract(object(), context, Answers({"x-lane": header, "baggage": line}))
    name = lane.current(found)
    assert name is None or is_lane_name(name)


@given(carriers, contexts)
def test_no_carrier_raises(carrier: Any, context: Context) -> None:
    PROPAGATOR.inject(carrier, PROPAGATOR.extract(carrier, context))


@given(headers, baggage_lines)
def test_header_and_member_agree_when_they_are_sent(header: str | None, line: str) -> None:
    arrived = {"baggage": line} | ({} if header is None else {"x-lane": header})
    sent: dict[str, str] = {}
    PROPAGATOR.inject(sent, PROPAGATOR.extract(arrived))
    members = MEMBER.read(encode(sent.get("baggage", ""))).values
    assert [value.decode() for value in members] == [sent[n] for n in ("x-lane",) if n in sent]
    assert all(is_lane_name(sent[n]) for n in ("x-lane",) if n in sent)


@given(headers, plain_lines)
def test_the_lane_is_the_header_else_what_the_codec_says(header: str | None, line: str) -> None:
    arrived = {"baggage": line} | ({} if header is None else {"x-lane": header})
    valid = header if header is not None and is_lane_name(header) else None
    assert lane.current(PROPAGATOR.extract(arrived)) == (valid or last_valid(line))


@given(headers, baggage_lines)
def test_a_second_pass_sends_the_same(header: str | None, line: str) -> None:
    arrived = {"baggage": line} | ({} if header is None else {"x-lane": header})
    once: dict[str, str] = {}
    PROPAGATOR.inject(once, PROPAGATOR.extract(arrived))
    twice: dict[str, str] = {}
    PROPAGATOR.inject(twice, PROPAGATOR.extract(once))
    assert twice == once
    again = dict(once)
    PROPAGATOR.inject(again, PROPAGATOR.extract(once))
    assert again == once


@given(headers, baggage_lines, contexts)
def test_extracting_again_is_the_same_object(
    header: str | None, line: str, context: Context
) -> None:
    arrived = {"baggage": line} | ({} if header is None else {"x-lane": header})
    extracted = PROPAGATOR.extract(arrived, context)
    assert PROPAGATOR.extract(arrived, extracted) is extracted


@given(lanes, st.lists(st.sampled_from(["a=1", "b = 2;p", "", "bad", "c=%20"]), max_size=4))
def test_what_is_sendable_is_forwarded_byte_for_byte(name: str, others: list[str]) -> None:
    sent: dict[str, str] = {}
    PROPAGATOR.inject(sent, PROPAGATOR.extract({"x-lane": name, "baggage": ",".join(others)}))
    rest = decode(MEMBER.read(encode(",".join(others))).rest)
    assert sent["baggage"] == (f"lane={name},{rest}" if rest else f"lane={name}")
