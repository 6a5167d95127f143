"""With the native core or without it: whatever the policy, whatever comes, the same bytes."""

import logging
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from colorfast.extproc import PeerError, Processor, StreamOptions
from colorfast.extproc._stream import STATIONS
from colorfast.extproc.wire import ProcessingRequest
from colorfast.policy import Engine, InvalidInput, Lines, Policy
from helpers.patterns import PATTERNS, Drawn, near
from helpers.policies import from_data
from helpers.strategies import Spec, baggage_values, requests_to, specs
from helpers.writes import with_port

DRAWN = settings(deadline=None, suppress_health_check=list(HealthCheck))
STREAMS = [
    StreamOptions(station=station, metadata=metadata)
    for station, metadata in product(STATIONS, (False, True))
]


class Pair:
    """A policy served with the core and without it."""

    def __init__(self, policy: Policy) -> None:
        self.native = Processor(Engine(policy))
        self.python = Processor(Engine(policy), native=False)

    def assert_agree(self, messages: Sequence[bytes]) -> None:
        # The second time the core does it alone.
        for _, stream, message in product(range(2), STREAMS, messages):
            assert _answer(self.native, message, stream) == _answer(self.python, message, stream)
        assert self.native.counters.decisions == self.python.counters.decisions
        assert self.native.counters.messages == self.python.counters.messages
        assert self.native.counters.refused_values == self.python.counters.refused_values


def _answer(processor: Processor, message: bytes, stream: StreamOptions) -> bytes | str:
    try:
        return processor.process(message, stream)
    except PeerError as error:
        return error.code


def certain(spec: Spec) -> Policy:
    """The policy of *spec*, if it leaves nothing to chance."""
    policy = from_data(spec)
    assume(not policy.draws)
    return policy


def asking(lines: Lines, ip: str) -> bytes:
    """A message as Envoy sends it."""
    request = ProcessingRequest()
    request.request_headers.SetInParent()
    for name, value in lines:
        request.request_headers.headers.headers.add(key=name, raw_value=value)
    if ip:
        fields = request.attributes["envoy.filters.http.ext_proc"].fields
        fields["source.address"].string_value = with_port(ip)
    return request.SerializeToString() + b"\x42\x00\x5a\x00"


@pytest.fixture(autouse=True)
def never_disagrees(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert "CF608" not in caplog.text


@settings(DRAWN, max_examples=150)
@given(st.data())
def test_requests_that_are_drawn(data: st.DataObject) -> None:
    spec = data.draw(specs())
    pair = Pair(certain(spec))
    asked = data.draw(st.lists(requests_to(spec), min_size=1, max_size=6))
    more = data.draw(st.lists(baggage_values, max_size=3))
    messages = [asking(lines, ip) for lines, ip in asked]
    messages += [asking((*asked[0][0], ("baggage", value)), asked[0][1]) for value in more]
    pair.assert_agree(messages)


@settings(DRAWN, max_examples=150)
@given(st.data())
def test_messages_that_are_damaged(data: st.DataObject) -> None:
    spec = data.draw(specs())
    lines, ip = data.draw(requests_to(spec))
    whole = asking(lines, ip)
    messages = [whole]
    for _ in range(8):
        at = data.draw(st.integers(0, len(whole)))
        bytes_ = data.draw(st.binary(max_size=4))
        skipped = data.draw(st.integers(0, 6))
        messages.append(whole[:at] + bytes_ + whole[at + skipped :])
    Pair(certain(spec)).assert_agree(messages)


@settings(DRAWN, max_examples=100)
@given(PATTERNS, st.booleans())
def test_regexes(drawn: Drawn, ignore_case: bool) -> None:
    pattern, text = drawn
    matcher: dict[str, Any] = {"regex": pattern, "ignoreCase": ignore_case}
    rule = {"name": "r", "match": [{"headers": {"a": matcher}}], "lane": "canary"}
    try:
        policy = from_data({"lanes": ["base", "canary"], "rules": [rule]})
    except InvalidInput:  # RE2 does not take everything that is drawn
        assume(False)
        raise
    pair = Pair(policy)
    pair.assert_agree([asking((("a", value),), "") for value in near(text)])


PLAIN = from_data({"lanes": ["base", "canary", "pr-*"], "default": "base"})


@pytest.mark.parametrize(
    "value",
    [
        b"a=" + b"x" * 8_000,
        b"a=" + b"x" * 58_000,
        b"a=" + b"x" * 60_000,
        b"a=" + b"x" * 200_000,
        b"," * 5_000,
        b"lane=," * 3_000,
        b"a=\x01",
        b"a=\x7f",
        b"a=\xff\xc3\xa4",
        b"a=1\tb",
        b"lane=pr-7,a=1",
        b"lane=" + b"a" * 64,
    ],
    ids=len,
)
def test_baggage_of_every_kind(value: bytes) -> None:
    Pair(PLAIN).assert_agree([asking((("baggage", value),), "")])


def test_many_lines_and_long_ones() -> None:
    many = tuple((f"x-{number}", b"v") for number in range(5_000))
    long = (("cookie", b"a=1; " * 40_000),)
    Pair(PLAIN).assert_agree([asking(many, ""), asking(long, ""), asking((), "")])


def test_values_that_are_texts() -> None:
    request = ProcessingRequest()
    for name, value in (("baggage", "a=1"), ("x-lane", "pr-7"), ("baggage", "b=ä")):
        request.request_headers.headers.headers.add(key=name, value=value)
        Pair(PLAIN).assert_agree([request.SerializeToString()])


def test_a_core_that_is_wrong_is_not_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    processor = Processor(Engine(PLAIN))
    desk = processor._desks["dye"]
    core = desk.sorter.core
    assert core is not None
    lies = core.sort(asking((("baggage", b"a=1"),), ""))
    desk._sort = lambda message: lies
    with caplog.at_level(logging.ERROR):
        answer = processor.process(asking((), ""), StreamOptions())
    assert answer == Processor(Engine(PLAIN), native=False).process(asking((), ""), StreamOptions())
    assert "CF608" in caplog.text
    assert desk.sorter.core is None
    assert "disagreed" in desk.sorter.why_not
    caplog.clear()
