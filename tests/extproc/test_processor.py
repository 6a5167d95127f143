"""The processor: bytes in, bytes out."""

import logging
from collections.abc import Iterable

import pytest
from extproc.captured import BODY, GET, POST
from extproc.support import engine, message, written
from hypothesis import given
from hypothesis import strategies as st

from colorfast.extproc import PeerError, Processor, Station, StreamOptions
from colorfast.extproc._desk import MAX_AUDITS, MAX_KNOWN, MAX_REPLIES
from colorfast.extproc._memo import Memo
from colorfast.extproc._reply import MAX_VALUE
from colorfast.extproc._sorting import MAX_SAME
from colorfast.extproc.wire import HeaderValueOption, ProcessingRequest, ProcessingResponse
from colorfast.policy import Engine, Outcome, Request
from helpers.policies import policy

DYE = StreamOptions()
CARRY = StreamOptions(station="carry")
PHASES = (
    "request_headers",
    "response_headers",
    "request_body",
    "response_body",
    "request_trailers",
    "response_trailers",
)
SOURCE = """
rules:
- {name: inside, match: [{sourceIp: [10.0.0.0/8, "2001:db8::/32"]}], lane: canary}
"""


def answer(
    headers: Iterable[tuple[str, bytes]], stream: StreamOptions = DYE
) -> tuple[dict[str, bytes], list[str]]:
    return written(Processor(engine()).process(message(headers), stream))


def test_dye_writes_lane_header_and_member() -> None:
    assert answer([("agent", b"pc")]) == ({"x-lane": b"canary", "baggage": b"lane=canary"}, [])


def test_dye_keeps_the_rest_of_baggage() -> None:
    sets, _ = answer([("agent", b"pc"), ("baggage", b"a=1, lane=evil"), ("baggage", b"b=2")])
    assert sets["baggage"] == b"lane=canary,a=1,b=2"


def test_an_undyed_request_loses_what_the_client_says() -> None:
    assert answer([("x-lane", b"canary")]) == ({}, ["x-lane"])
    assert answer([("baggage", b"lane=canary")]) == ({}, ["x-lane", "baggage"])
    assert answer([("baggage", b"lane=canary,a=1")]) == ({"baggage": b"a=1"}, ["x-lane"])


def test_carry_makes_header_and_member_agree() -> None:
    assert answer([("baggage", b"lane=canary")], CARRY) == ({"x-lane": b"canary"}, [])
    sets, _ = answer([("x-lane", b"pr-7"), ("baggage", b"a=1")], CARRY)
    assert sets == {"x-lane": b"pr-7", "baggage": b"lane=pr-7,a=1"}


def test_carry_without_a_lane_touches_nothing() -> None:
    untouched = Processor(engine()).process(message([("baggage", b"lane=evil")]), CARRY)
    assert untouched == ProcessingResponse.FromString(untouched).SerializeToString()
    assert not ProcessingResponse.FromString(untouched).request_headers.response.clear_route_cache
    assert written(untouched) == ({}, [])


def test_values_are_raw_and_overwrite() -> None:
    reply = ProcessingResponse.FromString(Processor(engine()).process(GET, DYE))
    response = reply.request_headers.response
    assert response.clear_route_cache
    for option in response.header_mutation.set_headers:
        assert option.append_action == HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
        assert (option.header.value, bool(option.header.raw_value)) == ("", True)


def test_captured_bytes_of_envoy_are_answered() -> None:
    processor = Processor(engine())
    assert written(processor.process(GET, DYE))[0]["baggage"] == b"lane=canary,x=1"
    assert written(processor.process(POST, DYE)) == ({}, ["x-lane"])
    assert ProcessingResponse.FromString(processor.process(BODY, DYE)).HasField("request_body")


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_gets_its_own_answer(phase: str) -> None:
    request = ProcessingRequest()
    getattr(request, phase).SetInParent()
    reply = Processor(engine()).process(request.SerializeToString(), CARRY)
    assert ProcessingResponse.FromString(reply).WhichOneof("response") == phase


def test_a_proxy_that_fills_value_is_understood() -> None:
    request = ProcessingRequest()
    request.request_headers.headers.headers.add(key="agent", value="pc")
    sets, _ = written(Processor(engine()).process(request.SerializeToString(), DYE))
    assert sets["x-lane"] == b"canary"


@pytest.mark.parametrize(
    ("source", "dyed"),
    [
        ("10.1.2.3:4711", True),
        ("[2001:db8::1]:4711", True),
        ("2001:db8::1", True),
        ("10.1.2.3", True),
        ("192.0.2.1:4711", False),
        ("/run/a:b", False),
        ("@/run/gateway", False),
        ("", False),
    ],
)
def test_source_address_is_read_without_its_port(source: str, dyed: bool) -> None:
    reply = Processor(engine(SOURCE)).process(message(source=source), DYE)
    assert ("x-lane" in written(reply)[0]) is dyed


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"\x12\xff\xff", b"GET / HTTP/1.1", b"\x42\x00"])
def test_garbage_is_the_peers_error(garbage: bytes) -> None:
    processor = Processor(engine())
    with pytest.raises(PeerError) as caught:
        processor.process(garbage, DYE)
    assert (caught.value.code, caught.value.grpc_status) == ("CF604", 3)
    assert processor.counters.messages == {("dye", "unknown", "refused"): 1}


CONTROLS = sorted({*range(0x20), 0x7F} - {0x09})


@pytest.mark.parametrize("control", CONTROLS)
def test_a_rest_with_a_control_byte_is_dropped_whole(control: int) -> None:
    processor = Processor(engine())
    bad = b"a=1,b=%c2,c=3" % control
    dyed = processor.process(message([("agent", b"pc"), ("baggage", bad)]), DYE)
    undyed = processor.process(message([("baggage", bad + b",lane=x")]), DYE)
    carried = processor.process(message([("x-lane", b"canary"), ("baggage", bad)]), CARRY)
    both = {"x-lane": b"canary", "baggage": b"lane=canary"}
    assert [written(dyed), written(undyed), written(carried)] == [
        (both, []),
        ({}, ["x-lane", "baggage"]),
        (both, []),
    ]
    assert processor.counters.refused_values == 3


def test_tabs_and_bytes_above_ascii_pass() -> None:
    sets, _ = answer([("agent", b"pc"), ("baggage", b"a=\t\xff\x80")])
    assert sets["baggage"] == b"lane=canary,a=\t\xff\x80"


def test_a_rest_that_would_break_the_header_limit_is_dropped() -> None:
    fits = b"a=" + b"x" * (MAX_VALUE - len(b"lane=canary,a="))
    assert answer([("agent", b"pc"), ("baggage", fits)])[0]["baggage"] == b"lane=canary," + fits
    assert answer([("agent", b"pc"), ("baggage", fits + b"x")])[0]["baggage"] == b"lane=canary"


LINES = st.lists(
    st.tuples(
        st.sampled_from(["agent", "baggage", "x-lane", "cookie", ":path"]),
        st.one_of(
            st.sampled_from([b"pc", b"canary", b"lane=canary", b"lane=pr-1,a=1", b"a=1,,b"]),
            st.binary(max_size=40),
        ),
    ),
    max_size=6,
)


@given(lines=LINES, station=st.sampled_from(["dye", "carry"]))
def test_what_is_written_is_the_engines_outcome_and_never_a_control_byte(
    lines: list[tuple[str, bytes]], station: str
) -> None:
    decided = engine()
    outcome = (decided.dye if station == "dye" else decided.carry)(Request(lines))
    stream = DYE if station == "dye" else CARRY
    sets, removes = written(Processor(decided).process(message(lines), stream))
    assert not any(byte in CONTROLS for value in sets.values() for byte in value)
    if not any(byte in CONTROLS for _, value in outcome.sets for byte in value):
        assert (sets, removes) == (dict(outcome.sets), list(outcome.removes))


def test_dynamic_metadata_when_the_stream_asks() -> None:
    decided = engine()
    processor = Processor(decided)
    asks = StreamOptions(metadata=True)

    def fields(headers: list[tuple[str, bytes]], stream: StreamOptions) -> dict[str, str]:
        reply = ProcessingResponse.FromString(processor.process(message(headers), stream))
        shown = reply.dynamic_metadata.fields["colorfast"].struct_value.fields
        return {name: value.string_value for name, value in shown.items()}

    policy = decided.policy.digest
    pc = {"lane": "canary", "rule": "pc-users", "policy": policy}
    assert fields([("agent", b"pc")], asks) == pc
    assert fields([("agent", b"pc"), ("baggage", b"a=1")], asks) == pc
    assert fields([], asks) == {"policy": policy}
    assert fields([("agent", b"pc")], DYE) == {}


def test_another_engine_decides_at_once() -> None:
    processor = Processor(engine())
    assert written(processor.process(GET, DYE))[0]["x-lane"] == b"canary"
    processor.adopt(processor.prepare(engine("default: base")))
    assert written(processor.process(GET, DYE))[0]["x-lane"] == b"base"


def test_kept_answers_are_bounded() -> None:
    processor = Processor(engine())
    for number in range(MAX_REPLIES + 10):
        lane = b"pr-%d" % number
        sets, _ = written(processor.process(message([("x-lane", lane)]), CARRY))
        assert sets["x-lane"] == lane
    assert len(processor._desks["carry"]._answers) <= MAX_REPLIES


def test_labels_are_bounded_by_the_policy() -> None:
    processor = Processor(engine())
    for lane in (b"pr-1", b"pr-2", b"canary", b"evil"):
        processor.process(message([("x-lane", lane)]), CARRY)
    processor.process(message([("agent", b"pc")]), DYE)
    processor.process(message(), DYE)
    assert processor.counters.decisions == {
        ("carry", "pr-*", ""): 2,
        ("carry", "canary", ""): 1,
        ("carry", "", ""): 1,
        ("dye", "canary", "pc-users"): 1,
        ("dye", "", ""): 1,
    }
    assert processor.counters.messages == {
        ("carry", "request_headers", "carried"): 3,
        ("carry", "request_headers", "untouched"): 1,
        ("dye", "request_headers", "dyed"): 1,
        ("dye", "request_headers", "undyed"): 1,
    }
    assert sum(processor.counters.buckets) == 6


def test_what_envoy_does_not_send_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    processor = Processor(engine())
    stream = StreamOptions(forwards=frozenset({"x-lane", "baggage", "edge.drop"}))
    for _ in range(3):
        processor.process(message(), stream)
    assert processor.unforwarded == {"agent"}
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "CF603" in caplog.text
    assert "agent" in caplog.text


def test_a_reload_looks_again_at_what_envoy_sends(caplog: pytest.LogCaptureFixture) -> None:
    processor = Processor(engine())
    stream = StreamOptions(forwards=frozenset({"agent", "baggage", "x-lane", "edge.drop"}))
    processor.process(message(), stream)
    assert (processor.unforwarded, caplog.text) == (frozenset(), "")
    processor.adopt(processor.prepare(engine(SOURCE)))
    processor.process(message(), stream)
    assert processor.unforwarded == {"source.address"}


@pytest.mark.parametrize(
    ("spec", "lacking"),
    [
        ("header: x-other", {"x-other"}),
        ("edge: {client: accept, accept: [canary]}", {"edge.accept"}),
    ],
)
def test_a_reload_that_needs_another_chain_is_told(spec: str, lacking: set[str]) -> None:
    processor = Processor(Engine(policy(spec)))
    processor.process(
        message(), StreamOptions(forwards=frozenset({"baggage", "x-lane", "edge.drop"}))
    )
    assert processor.unforwarded == lacking


def test_what_carry_reads_does_not_depend_on_the_rules() -> None:
    processor = Processor(engine())
    processor.process(
        message(), StreamOptions(station="carry", forwards=frozenset({"x-lane", "baggage"}))
    )
    assert processor.unforwarded == set()


def test_many_configurations_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    processor = Processor(engine())
    for number in range(MAX_AUDITS + 10):
        processor.process(message(), StreamOptions(forwards=frozenset({f"x-{number}"})))
    assert len(caplog.records) == MAX_AUDITS


# Messages that repeat.


def asks_the_engine(processor: Processor, station: Station = "dye") -> list[Outcome]:
    """The outcomes that the engine is asked for from now on."""
    desk, outcomes = processor._desks[station], list[Outcome]()
    decide = desk._decide

    def counted(request: Request) -> Outcome:
        outcomes.append(decide(request))
        return outcomes[-1]

    desk._decide = counted
    return outcomes


@pytest.mark.parametrize("station", ["dye", "carry"])
def test_a_message_that_repeats_is_decided_once_and_counted_each_time(station: Station) -> None:
    processor = Processor(engine())
    decided = asks_the_engine(processor, station)
    same = message([("agent", b"pc"), ("baggage", b"lane=canary,a=1")])
    answers = {processor.process(same, StreamOptions(station=station)) for _ in range(5)}
    assert (len(answers), len(decided)) == (1, 1)
    assert set(processor.counters.messages.values()) == {5}
    assert set(processor.counters.decisions.values()) == {5}
    assert sum(processor.counters.buckets) == 5


def test_the_same_message_is_answered_for_each_kind_of_stream() -> None:
    processor = Processor(engine())
    same = message([("agent", b"pc"), ("x-lane", b"pr-7")])
    streams = [
        DYE,
        CARRY,
        StreamOptions(metadata=True),
        StreamOptions(station="carry", metadata=True),
    ]
    fresh = [Processor(engine()).process(same, stream) for stream in streams]
    assert len(set(fresh)) == len(streams)
    for _ in range(2):
        assert [processor.process(same, stream) for stream in streams] == fresh


def test_a_reload_forgets_every_answer() -> None:
    processor = Processor(engine())
    same = message([("agent", b"pc")])
    assert written(processor.process(same, DYE))[0]["x-lane"] == b"canary"
    processor.adopt(processor.prepare(engine("default: base")))
    assert written(processor.process(same, DYE))[0]["x-lane"] == b"base"


def test_a_lane_that_is_drawn_is_drawn_anew_each_time() -> None:
    draws = iter(range(0, 10_000, 100))
    spec = """
rules:
- {name: some, split: {by: [{cookie: uid}], weights: {canary: 5000, base: 5000}, otherwise: random}}
"""
    processor = Processor(Engine(policy(spec), draw=lambda _: next(draws)))
    lanes = [written(processor.process(message(), DYE))[0]["x-lane"] for _ in range(100)]
    assert set(lanes) == {b"canary", b"base"}
    assert len(processor._desks["dye"]._known[False]) == 0


def test_a_sticky_split_repeats() -> None:
    spec = """
rules:
- {name: some, split: {by: [{cookie: uid}], weights: {canary: 5000, base: 5000}}}
"""
    processor = Processor(Engine(policy(spec)))
    decided = asks_the_engine(processor)
    for _ in range(3):
        processor.process(message([("cookie", b"uid=7")]), DYE)
    assert len(decided) == 1


def test_values_that_are_refused_are_counted_each_time() -> None:
    processor = Processor(engine())
    for _ in range(3):
        processor.process(message([("agent", b"pc"), ("baggage", b"a=\x01")]), DYE)
    assert processor.counters.refused_values == 3


def test_what_is_remembered_of_messages_is_bounded() -> None:
    processor = Processor(engine(), native=False)
    for number in range(2 * MAX_KNOWN + 10):
        processor.process(message([("agent", b"%d" % number)]), DYE)
    known = processor._desks["dye"]._known[False]
    assert MAX_KNOWN <= len(known) <= 2 * MAX_KNOWN
    long = message([("agent", b"x" * MAX_SAME)])
    processor.process(long, DYE)
    assert known.get(long) is None


@given(st.lists(st.integers(0, 12), max_size=200), st.integers(1, 4))
def test_a_memo_keeps_what_was_asked_for_last(keys: list[int], size: int) -> None:
    memo = Memo[int, str](size)
    recent: list[int] = []
    for key in keys:
        if memo.get(key) is None:
            assert key not in recent[-size:]
            memo.put(key, str(key))
        assert memo.get(key) == str(key)
        recent = [one for one in recent if one != key] + [key]
        assert len(memo) <= 2 * size
