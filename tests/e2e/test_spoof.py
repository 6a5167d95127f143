"""A client's lane is worth nothing at a ``drop`` edge, whatever the service does."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from colorfast.lane import Member, join_lines
from helpers import faults, policies
from helpers.clients import Client, Line, Reply, at_once, http1, http2
from helpers.envoys import short_folder
from helpers.gateways import Gateway, Way, echo_gateway
from helpers.services import running_service

SPEC = """
lanes: [base, canary, blue]
rules:
- name: pc
  match: [{headers: {agent: {exact: pc}}}]
  lane: blue
"""
FAULTS = ("killed", "hung", "garbage", "undecodable")
PC = (b"agent", b"pc")

OURS = [
    b"lane=canary",
    b"lane = canary",
    b"\tlane\t=\tcanary\t",
    b" \t lane=canary \t ",
    b"lane=canary;p=1;q",
    b"lane=canary ; lane=canary",
    b"lane=canary;p=a=b",
    b'lane="canary"',
    b"lane=%63anary",
    b"lane=",
    b"lane==canary",
    b"lane=nobody",
]
FOREIGN = [
    b"xlane=canary",
    b"lane2=canary",
    b"Lane=canary",
    b"LANE=canary",
    b"x-lane=canary",
    b"lane",
    b"lane;x=1",
    b"a=1;lane=canary",
    b"a=lane=canary",
    b"=canary",
]
HEADERS = [
    [b"canary"],
    [b"canary", b"canary"],
    [b"base", b"canary", b"blue"],
    [b"\tcanary "],
    [b"canary,canary"],
    [b""],
]


def layouts(ours: bytes) -> list[list[bytes]]:
    """*ours* at every place of a header that other members are in too."""
    alike = [b",".join(FOREIGN[:5]), b",".join(FOREIGN[5:])]
    return [
        [ours],
        [ours + b",a=1"],
        [b"a=1," + ours],
        [b"a=1 ," + ours + b", b=2"],
        [ours + b"," + ours],
        [ours + b",a=1," + ours + b",b=2," + ours],
        [b",," + ours + b",,a=1"],
        [ours, b"a=1"],
        [b"a=1", ours],
        [b"a=1", ours, b"b=2", ours],
        [b"a=1", b"b=2," + ours + b",c=3", b"d=4"],
        [alike[0] + b"," + ours + b"," + alike[1]],
        [alike[0], ours, alike[1]],
    ]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """One Envoy; the service behind each listener is in a state of its own."""
    text, policy = policies.file(SPEC), policies.policy(SPEC)
    with short_folder() as folder, ExitStack() as stack:
        alive = stack.enter_context(running_service(folder, text)).target
        broken = stack.enter_context(faults.standing(folder, text, *FAULTS))
        ways = [Way(name="alive", policy=policy, target=alive)]
        for name, target in broken.items():
            options = {"message_timeout": 0.1}
            ways.append(Way(name=name, policy=policy, target=target, options=options))
        yield stack.enter_context(echo_gateway(folder, ways))


@pytest.fixture(params=[http1, http2])
def client(request: pytest.FixtureRequest) -> Client:
    chosen: Client = request.param
    return chosen


def baggage(lines: Sequence[bytes]) -> list[Line]:
    return [(b"baggage", line) for line in lines]


def passed(reply: Reply) -> tuple[str, list[bytes], list[bytes]]:
    """Where a request went, with which lane header and which baggage."""
    seen = reply.seen
    return seen.upstream, seen.header(b"x-lane"), seen.header(b"baggage")


def undyed(lines: Sequence[bytes]) -> tuple[str, list[bytes], list[bytes]]:
    """What must become of a request with *lines* of baggage that hold pieces of ours."""
    rest = Member().strip(join_lines(lines))
    return "base", [], [rest] if rest else []


def dyed(lines: Sequence[bytes]) -> tuple[str, list[bytes], list[bytes]]:
    """What must become of it when the rules say blue."""
    rest = Member().strip(join_lines(lines))
    return "blue", [b"blue"], [b"lane=blue" + (b"," + rest if rest else b"")]


@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize("state", ["alive", *FAULTS])
def test_a_spoofed_member_leaves_exactly_the_rest(
    gateway: Gateway, client: Client, state: str, ours: bytes
) -> None:
    cases = layouts(ours)
    replies = at_once(client, gateway.listener(state), map(baggage, cases))
    assert [passed(reply) for reply in replies] == [undyed(lines) for lines in cases]


@pytest.mark.parametrize("ours", OURS)
def test_a_spoofed_member_is_replaced_by_the_rules_lane(
    gateway: Gateway, client: Client, ours: bytes
) -> None:
    cases = layouts(ours)
    requests = [[PC, *baggage(lines)] for lines in cases]
    replies = at_once(client, gateway.listener("alive"), requests)
    assert [passed(reply) for reply in replies] == [dyed(lines) for lines in cases]


@pytest.mark.parametrize("state", ["alive", *FAULTS])
def test_a_spoofed_header_is_neither_routed_nor_forwarded(
    gateway: Gateway, client: Client, state: str
) -> None:
    requests = [[(b"x-lane", value) for value in values] for values in HEADERS]
    replies = at_once(client, gateway.listener(state), requests)
    assert [passed(reply) for reply in replies] == [("base", [], [])] * len(HEADERS)


def test_a_spoofed_header_is_replaced_by_the_rules_lane(gateway: Gateway, client: Client) -> None:
    requests = [[PC, *((b"x-lane", value) for value in values)] for values in HEADERS]
    replies = at_once(client, gateway.listener("alive"), requests)
    assert [passed(reply) for reply in replies] == [dyed([])] * len(HEADERS)


@pytest.mark.parametrize("state", ["alive", *FAULTS])
@pytest.mark.parametrize("name", [b"X-Lane", b"X-LANE", b"x-lANE"])
def test_the_case_of_a_name_hides_nothing(gateway: Gateway, state: str, name: bytes) -> None:
    lines = [(name, b"canary"), (name.replace(b"Lane", b"LANE"), b"canary")]
    lines.append((b"BAGGAGE", b"lane=canary,a=1"))
    assert passed(http1(gateway.listener(state), lines)) == ("base", [], [b"a=1"])


@pytest.mark.parametrize("state", ["alive", "killed"])
def test_upper_case_over_http2_does_not_get_in_at_all(gateway: Gateway, state: str) -> None:
    requests = [[(name, b"lane=canary")] for name in (b"X-Lane", b"Baggage")]
    replies = at_once(http2, gateway.listener(state), requests)
    assert [reply.status for reply in replies] == [0, 0]


@pytest.mark.parametrize("state", ["alive", *FAULTS])
def test_look_alikes_survive_byte_for_byte(gateway: Gateway, client: Client, state: str) -> None:
    cases = [[piece] for piece in FOREIGN] + [FOREIGN, [b",".join(FOREIGN)]]
    replies = at_once(client, gateway.listener(state), map(baggage, cases))
    assert [passed(reply) for reply in replies] == [("base", [], lines) for lines in cases]


@pytest.mark.parametrize("state", ["alive", *FAULTS])
def test_headers_named_in_connection_are_no_way_around(gateway: Gateway, state: str) -> None:
    lines = [(b"connection", b"x-lane, baggage"), (b"x-lane", b"canary")]
    lines.append((b"baggage", b"lane=canary,a=1"))
    assert passed(http1(gateway.listener(state), lines)) == ("base", [], [])


@pytest.mark.parametrize("state", ["alive", *FAULTS])
def test_a_folded_line_hides_no_member(gateway: Gateway, state: str) -> None:
    lines = [(b"baggage", b"a=1,\r\n\t lane=canary\r\n ,b=2"), (b"x-lane", b"\r\n canary")]
    upstream, lane, left = passed(http1(gateway.listener(state), lines))
    assert (upstream, lane) == ("base", [])
    assert [piece.strip() for piece in join_lines(left).split(b",")] == [b"a=1", b"b=2"]


@pytest.mark.parametrize("state", ["alive", *FAULTS])
def test_a_byte_that_envoy_takes_out_hides_no_member(gateway: Gateway, state: str) -> None:
    # Envoy removes a lone CR from what HTTP/1.1 clients send.
    lines = [(b"baggage", b"a=1,la\rne=can\rary"), (b"x-lane", b"can\rary")]
    assert passed(http1(gateway.listener(state), lines)) == ("base", [], [b"a=1"])


@pytest.mark.parametrize("state", ["alive", *FAULTS])
def test_a_lone_line_feed_hides_no_header(gateway: Gateway, state: str) -> None:
    lines = [(b"x-other", b"1\nx-lane: canary\nbaggage: a=1,lane=canary")]
    assert passed(http1(gateway.listener(state), lines)) == ("base", [], [b"a=1"])
