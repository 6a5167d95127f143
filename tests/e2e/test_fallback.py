"""With a fallback, dyeing goes on when the service does not: nobody can tell the difference."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Literal

import pytest

from colorfast.policy import Engine, Policy, Request
from helpers import policies
from helpers.clients import Http1, Line
from helpers.envoys import short_folder
from helpers.gateways import Gateway, Way, echo_gateway
from helpers.processes import wait_until
from helpers.services import Service, running_service

SPEC = """
lanes: [base, canary, blue]
rules:
- {name: pc, match: [{headers: {agent: {exact: pc}}}, {path: {prefix: /pc/}}], lane: canary}
- {name: plain, match: [{query: {plain: {present: true}}}], lane: base}
- {name: dice, match: [{cookies: {uid: {present: true}}}], split: {by: [{cookie: uid}], weights: {blue: 3000, base: 7000}}}
"""
WITHIN = 120.0
BEAT = 1.0
"""Seconds between two kills, if the service has come up by then."""
CLIENTS = 4
RATE = 250.0
"""Requests a second that each client sends, if it is not kept waiting."""

Kind = Literal["lua", "wasm", "native"]


@contextmanager
def gateway(kind: Kind, policy: Policy) -> Iterator[tuple[Gateway, Service]]:
    with short_folder() as folder, running_service(folder, policies.file(SPEC)) as service:
        way = Way(name="edge", policy=policy, target=service.target, fallback=kind)
        with echo_gateway(folder, [way]) as running:
            yield running, service


class Client(threading.Thread):
    """Asks random requests until told to stop, and compares each with the reference."""

    def __init__(self, path: str, policy: Policy, stop: threading.Event, *, seed: int) -> None:
        super().__init__()
        self.asked = 0
        self.wrong: list[str] = []
        self._path = path
        self._engine = Engine(policy)
        self._random = random.Random(seed)
        self._ended = stop

    def run(self) -> None:
        due = time.monotonic()
        with closing(Http1(self._path)) as client:
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                # The load is spread over many kills, and leaves the service a chance to start.
                due = max(due + 1 / RATE, time.monotonic() - BEAT)
                target, lines = self._draw()
                try:
                    self._compare(client, target, lines)
                except (OSError, AssertionError, ValueError, IndexError) as error:
                    self.wrong.append(f"failed: {error!r}")
                    return
                self.asked += 1

    def _draw(self) -> tuple[bytes, list[Line]]:
        draw = self._random
        lines: list[Line] = []
        if draw.random() < 0.3:
            lines.append((b"agent", draw.choice([b"pc", b"phone"])))
        if draw.random() < 0.6:
            lines.append((b"cookie", b"uid=u%d" % draw.randrange(10_000)))
        if draw.random() < 0.4:
            lines.append((b"x-lane", b"canary"))
        if draw.random() < 0.5:
            lines.append((b"baggage", draw.choice([b"a=1", b"lane=blue, a=1", b"a=1 , lane=x;p"])))
        return draw.choice([b"/", b"/pc/1", b"/?plain=1"]), lines

    def _compare(self, client: Http1, target: bytes, lines: list[Line]) -> None:
        seen = client.ask(lines, target=target).seen
        request = [(":path", target), *((name.decode(), value) for name, value in lines)]
        outcome = self._engine.dye(Request(request))
        wanted = {name: [value] for name, value in outcome.sets} | {
            name: [] for name in outcome.removes
        }
        got = {name: seen.header(name.encode()) for name in wanted}
        if got != wanted or seen.upstream != (outcome.lane or "base"):
            self.wrong.append(f"{target!r} {lines!r}: {seen.upstream} {got}, wanted {wanted}")


class Killer:
    """Kills the service on a beat of a second and starts it again, for as long as it is asked to.

    A beat that finds the service still starting passes.
    """

    def __init__(self, service: Service, running: Gateway) -> None:
        self.kills = 0
        self._service = service
        self._running = running
        self._due = time.monotonic()

    def beat(self, going: Callable[[], bool]) -> None:
        """One life: until the service has been asked, then until the next beat."""
        before = self._answers()
        wait_until(lambda: self._answers() > before or not going(), "an answer", within=WITHIN)
        late = max(0.0, time.monotonic() - self._due)
        self._due += BEAT * (late // BEAT + 1)
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._service.kill()
        self.kills += 1
        self._service.start()

    def _answers(self) -> int:
        return self._running.stats("edge")["stream_msgs_received"]


@pytest.mark.parametrize(
    ("kind", "requests", "kills"), [("lua", 10_000, 6), ("wasm", 2_000, 3), ("native", 2_000, 3)]
)
def test_nobody_notices_when_the_service_is_killed_every_second(
    kind: Kind, requests: int, kills: int
) -> None:
    policy, stop = policies.policy(SPEC), threading.Event()
    with gateway(kind, policy) as (running, service):
        path = running.listener("edge")
        clients = [Client(path, policy, stop, seed=seed) for seed in range(CLIENTS)]

        def going() -> bool:
            alive = all(client.is_alive() for client in clients)
            return alive and (asked(clients) < requests or killer.kills < kills)

        killer = Killer(service, running)
        end = time.monotonic() + WITHIN
        for client in clients:
            client.start()
        try:
            while going():
                assert time.monotonic() < end, f"{asked(clients)} requests, {killer.kills} kills"
                killer.beat(going)
        finally:
            stop.set()
            for client in clients:
                client.join(WITHIN)
        stats = running.stats("edge")
    assert [line for client in clients for line in client.wrong] == []
    assert asked(clients) >= requests
    assert killer.kills >= kills
    assert stats["failure_mode_allowed"] > 0, "the service was never missed"
    assert stats["stream_msgs_received"] > 0, "the service was never asked"


def asked(clients: list[Client]) -> int:
    return sum(client.asked for client in clients)


@contextmanager
def served(kind: Kind, spec: str) -> Iterator[tuple[Http1, Service]]:
    """A client of an Envoy with SPEC compiled in, and the service, which knows *spec*."""
    with short_folder() as folder, running_service(folder, policies.file(spec)) as service:
        way = Way(name="edge", policy=policies.policy(SPEC), target=service.target, fallback=kind)
        with (
            echo_gateway(folder, [way]) as running,
            closing(Http1(running.listener("edge"))) as client,
        ):
            yield client, service


@pytest.mark.parametrize("kind", ["lua", "wasm", "native"])
def test_what_the_service_decided_is_not_decided_again(kind: Kind) -> None:
    # The service knows another policy than the one compiled in: what it says must stand.
    other = "lanes: [base, canary, blue]\nrules: [{name: all, lane: blue}]"
    with served(kind, other) as (client, service):
        assert client.ask([(b"agent", b"pc")]).seen.upstream == "blue"
        service.kill()
        assert client.ask([(b"agent", b"pc")]).seen.upstream == "canary"


@pytest.mark.parametrize("kind", ["lua", "wasm", "native"])
def test_a_request_that_the_service_left_undyed_stays_undyed(kind: Kind) -> None:
    with served(kind, "lanes: [base, canary, blue]") as (client, _):
        seen = client.ask([(b"agent", b"pc"), (b"baggage", b"a=1")]).seen
    assert (seen.upstream, seen.header(b"x-lane"), seen.header(b"baggage")) == (
        "base",
        [],
        [b"a=1"],
    )


@pytest.mark.parametrize("kind", ["lua", "wasm", "native"])
def test_no_header_of_a_client_says_that_the_service_has_decided(kind: Kind) -> None:
    marks = [(b"colorfast", b"policy"), (b"x-envoy-dynamic-metadata", b"colorfast:policy=1")]
    spoofs = [(b"x-lane", b"blue"), (b"baggage", b"lane=blue,colorfast=1,policy=1,a=1")]
    with served(kind, SPEC) as (client, service):
        service.kill()
        seen = client.ask([(b"agent", b"pc"), *marks, *spoofs]).seen
    assert (seen.upstream, seen.header(b"x-lane")) == ("canary", [b"canary"])
    assert seen.header(b"baggage") == [b"lane=canary,colorfast=1,policy=1,a=1"]
