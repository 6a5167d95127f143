"""When the service fails requests pass undyed, a counter tells, and it may come back."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from helpers import faults, policies
from helpers.clients import Line, Reply, http1
from helpers.envoys import short_folder
from helpers.gateways import Gateway, Way, echo_gateway
from helpers.load import Load
from helpers.processes import wait_until
from helpers.services import Service, running_service

SPEC = """
lanes: [base, canary, blue]
rules:
- name: pc
  match: [{headers: {agent: {exact: pc}}}]
  lane: blue
"""
PC: list[Line] = [(b"agent", b"pc")]
SPOOF: list[Line] = [*PC, (b"x-lane", b"canary"), (b"baggage", b"a=1,lane=canary")]
DYED = ("blue", (b"blue",), (b"lane=blue,a=1",))
UNDYED = ("base", (), (b"a=1",))

BRIEF = {"message_timeout": 0.2}

TOLD = {
    "killed": "streams_failed",
    "hung": "message_timeouts",
    "refusing": "streams_failed",
    "garbage": "streams_failed",
    "silent": "message_timeouts",
    "hanging-up": "streams_failed",
    "undecodable": "streams_failed",
    "other-phase": "spurious_msgs_received",
    "empty": "spurious_msgs_received",
    "failing": "streams_failed",
    "other-service": "streams_failed",
}
"""The counter that tells each fault."""

STRICT = {"refusing": 503, "garbage": 503, "failing": 503, "undecodable": 503, "silent": 504}
"""What each fault answers where failures are not allowed to pass."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service that may be broken: whoever breaks it mends it."""
    with short_folder() as folder, running_service(folder, policies.file(SPEC)) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(service: Service) -> Iterator[Gateway]:
    text, policy = policies.file(SPEC), policies.policy(SPEC)
    # Only where nothing ever comes: elsewhere a busy machine must not make a timeout of a failure.
    brief = {name: BRIEF if told == "message_timeouts" else {} for name, told in TOLD.items()}
    with short_folder() as folder, ExitStack() as stack:
        broken = stack.enter_context(faults.standing(folder, text, *faults.ALL))
        ways = [
            Way(name=name, policy=policy, target=target, options=brief[name])
            for name, target in broken.items()
        ]
        for name in STRICT:
            options = brief[name] | {"failure_mode_allow": False}
            strict = f"strict-{name}"
            ways.append(Way(name=strict, policy=policy, target=broken[name], options=options))
        hop = {"station": "carry"}
        ways.append(Way(name="hop", policy=policy, target=broken["refusing"], options=hop))
        path = folder / "meddling.ep"
        stack.enter_context(faults.answering(path, lambda _: faults.meddling()))
        ways.append(Way(name="meddling", policy=policy, target=f"unix:{path}"))
        ways.append(Way(name="service", policy=policy, target=service.target, options=BRIEF))
        yield stack.enter_context(echo_gateway(folder, ways))


def passed(reply: Reply) -> tuple[str, tuple[bytes, ...], tuple[bytes, ...]]:
    seen = reply.seen
    return seen.upstream, tuple(seen.header(b"x-lane")), tuple(seen.header(b"baggage"))


def ask(gateway: Gateway, name: str) -> tuple[str, tuple[bytes, ...], tuple[bytes, ...]]:
    return passed(http1(gateway.listener(name), SPOOF))


def wait_dyed(gateway: Gateway) -> None:
    wait_until(lambda: ask(gateway, "service") == DYED, "requests are dyed again")


def test_every_fault_is_told() -> None:
    assert set(TOLD) == set(faults.ALL)


@pytest.mark.parametrize("fault", TOLD)
def test_requests_pass_undyed_and_a_counter_tells(gateway: Gateway, fault: str) -> None:
    before = gateway.stats(fault)
    assert [ask(gateway, fault) for _ in range(3)] == [UNDYED] * 3
    after = gateway.stats(fault)
    grown = {name for name in after if after[name] - before[name] == 3}
    assert {TOLD[fault], "failure_mode_allowed", "streams_started"} <= grown


@pytest.mark.parametrize("fault", STRICT)
def test_where_failures_may_not_pass_they_are_answered(gateway: Gateway, fault: str) -> None:
    strict = f"strict-{fault}"
    assert http1(gateway.listener(strict), SPOOF).status == STRICT[fault]
    stats = gateway.stats(strict)
    assert stats[TOLD[fault]] > 0
    assert stats["failure_mode_allowed"] == 0


def test_a_hop_lets_requests_pass_as_they_came(gateway: Gateway) -> None:
    assert ask(gateway, "hop") == ("canary", (b"canary",), (b"a=1,lane=canary",))
    assert gateway.stats("hop")["failure_mode_allowed"] > 0


def test_a_service_gone_wrong_touches_no_other_header(gateway: Gateway) -> None:
    before = gateway.stats("meddling")["rejected_header_mutations"]
    sent: list[Line] = [(b"authorization", b"secret"), (b"x-user", b"me")]
    reply = http1(gateway.listener("meddling"), sent, target=b"/mine")
    assert reply.body.startswith(b"blue\nGET /mine HTTP/1.1\r\n")
    assert reply.seen.header(b"x-user") == [b"me"]
    assert reply.seen.header(b"authorization") == [b"secret"]
    assert gateway.stats("meddling")["rejected_header_mutations"] == before + 3


def test_a_killed_service_that_is_started_again_dyes_again(
    gateway: Gateway, service: Service
) -> None:
    wait_dyed(gateway)
    service.kill()
    try:
        assert ask(gateway, "service") == UNDYED
    finally:
        service.start()
    wait_dyed(gateway)


def test_a_hung_service_that_goes_on_dyes_again(gateway: Gateway, service: Service) -> None:
    wait_dyed(gateway)
    before = gateway.stats("service")["message_timeouts"]
    service.hang()
    try:
        assert ask(gateway, "service") == UNDYED
    finally:
        service.resume()
    assert gateway.stats("service")["message_timeouts"] == before + 1
    wait_dyed(gateway)


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_no_request_fails_while_the_service_goes_and_comes(
    gateway: Gateway, service: Service, end: str
) -> None:
    wait_dyed(gateway)
    with Load(gateway.listener("service"), SPOOF) as load:
        wait_until(lambda: load.outcomes[DYED] > 0, "dyed before")
        try:
            getattr(service, end)()
            wait_until(lambda: load.outcomes[UNDYED] > 0, "undyed meanwhile")
        finally:
            service.start()
        before = load.outcomes[DYED]
        wait_until(lambda: load.outcomes[DYED] > before, "dyed after")
    assert set(load.outcomes) == {DYED, UNDYED}
