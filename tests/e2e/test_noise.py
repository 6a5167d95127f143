"""Success is silent: no log line, no exception, nothing left open, no failure counted."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from helpers import policies
from helpers.clients import Http1
from helpers.envoys import short_folder
from helpers.gateways import Gateway, Way, echo_gateway
from helpers.processes import wait_until
from helpers.services import Service, running_service

SPEC = "default: canary"
REQUESTS = 500
HARMFUL = {
    "failure_mode_allowed",
    "message_timeouts",
    "rejected_header_mutations",
    "spurious_msgs_received",
    "streams_failed",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


def send(gateway: Gateway, count: int) -> None:
    """*count* requests over two connections, answered 200 and dyed."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(closing(Http1(gateway.listener(name)))) for name in ("dye", "carry")
        ]
        for number in range(count):
            seen = clients[number % 2].ask([(b"baggage", b"lane=canary,n=%d" % number)]).seen
            assert seen.upstream == "canary"


def active(service: Service) -> float:
    return service.metric("colorfast_extproc_streams_active")


def test_success_is_silent(folder: Path) -> None:
    policy = policies.policy(SPEC)
    with ExitStack() as stack:
        service = stack.enter_context(running_service(folder, policies.file(SPEC)))
        ways = [
            Way(name=station, policy=policy, target=service.target, options={"station": station})
            for station in ("dye", "carry")
        ]
        gateway = stack.enter_context(echo_gateway(folder, ways))
        started = service.log()
        send(gateway, REQUESTS)
        wait_until(lambda: active(service) == 0, "every stream is over")
        assert service.log() == started
        for station, rest in (("dye", "dyed"), ("carry", "carried")):
            stats = gateway.stats(station)
            assert {name: stats[name] for name in HARMFUL} == dict.fromkeys(HARMFUL, 0)
            assert stats["streams_started"] == stats["streams_closed"] == REQUESTS / 2
            labels = f'outcome="{rest}",phase="request_headers",station="{station}"'
            sample = f"colorfast_extproc_messages_total{{{labels}}}"
            assert service.metric(sample) == REQUESTS / 2
        assert service.terminate() == 0
        ending = [line.rpartition(": ")[2] for line in service.log()[len(started) :]]
        assert ending == ["draining", "stopped"]
