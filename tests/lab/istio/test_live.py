"""A policy is changed while requests pass: Envoy, Istio's engine and ADS between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from lab.istio.live import (
    HOST,
    LABELS,
    LANES,
    NAMESPACE,
    ControlPlane,
    cluster_with_a_gateway,
    control_plane,
    dynamic,
    free_port,
)

from colorfast.k8s import Placement, TargetOptions, compile_target
from helpers import policies
from helpers.envoys import echo_upstream, running_envoy, short_folder

pytestmark = pytest.mark.usefixtures("istio")

Json = dict[str, Any]

CLIENTS = 8
A_WHILE = 200
"""Requests that are enough to see what is so."""
WITHIN = 60.0


def dyes(lane: str) -> list[Json]:
    """The objects of a policy that puts users on a PC into *lane*."""
    policy = policies.policy(
        f"""
        rules:
        - {{name: pc, match: [{{headers: {{agent: {{exact: pc}}}}}}], lane: {lane}}}
        """
    )
    place = Placement(place="gateway", namespace=NAMESPACE, selector=tuple(LABELS.items()))
    options = TargetOptions(placement=place, backend="lua")
    return list(compile_target(policy, "envoyfilter", options)[0])


@dataclass
class Load:
    """What clients have seen: the upstream, and the lane that it was told, of each request."""

    port: int
    answers: list[tuple[str, str]] = field(default_factory=list)
    enough: bool = False

    async def client(self) -> None:
        """One connection after the other, until it is told to end."""
        while not self.enough:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with closing(writer):
                await self._connection(reader, writer)
            with suppress(OSError):
                await writer.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(5):
            writer.write(f"GET / HTTP/1.1\r\nhost: {HOST}\r\nagent: pc\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            (size,) = (line for line in head.splitlines() if line.startswith(b"content-length:"))
            self.answers.append(seen(await reader.readexactly(int(size.split()[1]))))
            if b"connection: close" in head:
                return

    async def until(self, answer: tuple[str, str]) -> None:
        """Wait until *answer* is all that has been seen for a while."""
        async with asyncio.timeout(WITHIN):
            while self.answers[-A_WHILE:] != [answer] * A_WHILE:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(0.02)


def seen(body: bytes) -> tuple[str, str]:
    upstream, _, head = body.decode().partition("\n")
    (lane,) = (line[8:] for line in head.split("\r\n") if line.startswith("x-lane: "))
    assert f"baggage: lane={lane}" in head
    return upstream, lane


@asynccontextmanager
async def under_load(port: int) -> AsyncIterator[Load]:
    """Clients that ask until the end of the block; what has ended one of them is raised then."""
    load = Load(port)
    clients = [asyncio.create_task(load.client()) for _ in range(CLIENTS)]
    try:
        yield load
    finally:
        load.enough = True
        async with asyncio.timeout(WITHIN):
            await asyncio.gather(*clients)


@pytest.fixture
def gateway() -> Iterator[tuple[int, ControlPlane, list[Json]]]:
    """Its port, its control plane, and the objects beside the policy's."""
    with ExitStack() as stack:
        folder = stack.enter_context(short_folder())
        for lane in LANES:
            stack.enter_context(echo_upstream(folder / lane, lane))
        port = free_port()
        objects = list(cluster_with_a_gateway(port, folder, "x-lane"))
        plane = stack.enter_context(control_plane(folder, [*objects, *dyes("canary")]))
        config = dynamic(f"unix:{folder}/admin", plane.address)
        stack.enter_context(running_envoy(config))
        yield port, plane, objects


async def test_a_policy_changes_under_load_and_no_request_fails_or_gets_half_of_it(
    gateway: tuple[int, ControlPlane, list[Json]],
) -> None:
    port, plane, objects = gateway
    old, new = ("canary", "canary"), ("base", "base")
    async with under_load(port) as load:
        await load.until(old)
        await asyncio.to_thread(plane.apply, [*objects, *dyes("base")])
        await load.until(new)
        await asyncio.to_thread(plane.apply, [*objects, *dyes("canary")])
        await load.until(old)
    assert set(load.answers) == {old, new}


async def test_what_istio_refuses_changes_nothing(
    gateway: tuple[int, ControlPlane, list[Json]],
) -> None:
    port, plane, objects = gateway
    broken = dyes("base")
    broken[0]["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["@type"] = "no/such"
    async with under_load(port) as load:
        await load.until(("canary", "canary"))
        await asyncio.to_thread(plane.apply, [*objects, *broken], outcome="refused")
        await asyncio.to_thread(plane.apply, [*objects, *dyes("base")])
        await load.until(("base", "base"))
    assert set(load.answers) == {("canary", "canary"), ("base", "base")}
