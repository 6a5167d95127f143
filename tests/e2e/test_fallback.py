"""With a fallback, dyeing goes on when the service does not: nobody can tell the difference."""

import random
import threading
from collections.abc import Iterator
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

Kind = Literal["lua", "wasm"]


@contextmanager
def gateway(kind: Kind, policy: Policy) -> Iterator[tuple[Gateway, Service]]:
    with short_folder() as folder, running_service(folder, policies.file(SPEC)) as service:
        way = Way(name="edge", policy=policy, target=service.target, fallback=kind)
        with echo_gateway(folder, [way]) as running:
            yield running, service


class Client(threading.Thread):
    """Asks *count* random requests over one connection and compares each with the reference."""

    def __init__(self, path: str, policy: Policy, *, seed: int, count: int) -> None:
        super().__init__()
        self.asked = 0
        self.wrong: list[str] = []
        self._path = path
        self._engine = Engine(policy)
        self._random = random.Random(seed)
        self._count = count

    def run(self) -> None:
        with closing(Http1(self._path)) as client:
            for _ in range(self._count):
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


@pytest.mark.parametrize("kind", ["lua", "wasm"])
def test_nobody_notices_when_the_service_comes_and_goes(kind: Kind) -> None:
    policy = policies.policy(SPEC)
    total, clients, lives = 10_000 if kind == "lua" else 2_000, 4, 6
    with gateway(kind, policy) as (running, service):
        path = running.listener("edge")
        threads = [
            Client(path, policy, seed=seed, count=total // clients) for seed in range(clients)
        ]
        for thread in threads:
            thread.start()

        def asked() -> int:
            return sum(thread.asked for thread in threads)

        def reached(number: int) -> bool:
            return asked() >= number or not any(thread.is_alive() for thread in threads)

        def wait(share: int) -> None:
            number = total * share // (2 * lives + 1)
            wait_until(lambda: reached(number), f"{number} requests", within=WITHIN)

        for life in range(lives):
            # Alive for half of its share of the requests, dead for the other half.
            wait(2 * life + 1)
            service.kill()
            wait(2 * life + 2)
            service.start()
        for thread in threads:
            thread.join(WITHIN)
        stats = running.stats("edge")
    assert [line for thread in threads for line in thread.wrong] == []
    assert asked() == total
    assert stats["failure_mode_allowed"] > 0, "the service was never missed"
    assert stats["stream_msgs_received"] > 0, "the service was never asked"


@pytest.mark.parametrize("kind", ["lua", "wasm"])
def test_what_the_service_decided_is_not_decided_again(kind: Kind) -> None:
    # The service knows another policy than the one compiled in: what it says must stand.
    compiled = policies.policy(SPEC)
    served = policies.file("lanes: [base, canary, blue]\nrules: [{name: all, lane: blue}]")
    with short_folder() as folder, running_service(folder, served) as service:
        way = Way(name="edge", policy=compiled, target=service.target, fallback=kind)
        with (
            echo_gateway(folder, [way]) as running,
            closing(Http1(running.listener("edge"))) as client,
        ):
            assert client.ask([(b"agent", b"pc")]).seen.upstream == "blue"
            service.kill()
            assert client.ask([(b"agent", b"pc")]).seen.upstream == "canary"


@pytest.mark.parametrize("kind", ["lua", "wasm"])
def test_a_request_that_the_service_left_undyed_stays_undyed(kind: Kind) -> None:
    compiled = policies.policy(SPEC)
    served = policies.file("lanes: [base, canary, blue]")
    with short_folder() as folder, running_service(folder, served) as service:
        way = Way(name="edge", policy=compiled, target=service.target, fallback=kind)
        with (
            echo_gateway(folder, [way]) as running,
            closing(Http1(running.listener("edge"))) as client,
        ):
            seen = client.ask([(b"agent", b"pc"), (b"baggage", b"a=1")]).seen
    assert (seen.upstream, seen.header(b"x-lane"), seen.header(b"baggage")) == (
        "base",
        [],
        [b"a=1"],
    )
