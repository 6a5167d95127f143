"""Real requests through a real mesh: routed, carried, and never held up by a broken service."""

import signal
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest
import pytest_asyncio

from colorfast.lane import Member
from colorfast.mesh import (
    DEFAULT_POLICY,
    GATEWAY,
    SERVICE,
    RunningMesh,
    Timing,
    run_demo,
    running_mesh,
)
from colorfast.mesh._http import get
from colorfast.mesh.demo import _Demo
from colorfast.policy import Mesh, Service, load_policy
from helpers.envoys import get as admin_get
from helpers.processes import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = """
apiVersion: colorfast.dev/v1alpha1
kind: LanePolicy
metadata: {name: shop}
spec:
  lanes: [base, canary, "pr-*"]
  parents: {pr-42: canary}
  default: base
  rules:
  - {name: pc, match: [{headers: {agent: {exact: pc}}}], lane: canary}
  - {name: pr, match: [{headers: {agent: {exact: dev}}}], lane: pr-42}
  - {name: nobody, match: [{headers: {agent: {exact: stray}}}], lane: pr-7}
"""
MESH = Mesh(
    name="m",
    entry="front",
    services=(
        Service(name="front", lanes=("base", "canary"), calls=("back",), app="requests"),
        Service(name="back", lanes=("base", "pr-42"), calls=("end",), app="aiohttp"),
        Service(name="end", lanes=("base", "canary"), app="aiohttp"),
    ),
)
UNDYED = "-> front(version: base) -> back(version: base) -> end(version: base)"
CANARY = "-> front(version: canary) -> back(version: base) -> end(version: canary)"
PR = "-> front(version: canary) -> back(version: pr-42) -> end(version: canary)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningMesh]:
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text(POLICY)
    async with running_mesh(MESH, policy, timing=Timing(message=5)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def service(mesh: RunningMesh) -> AsyncIterator[RunningMesh]:
    """A mesh whose service may be broken: it is there again afterwards."""
    yield mesh
    await mesh.kill_service()
    await mesh.start_service()


async def path(mesh: RunningMesh, *headers: tuple[str, str]) -> str:
    return (await get(mesh.url, headers=headers)).text


def stats(mesh: RunningMesh, name: str) -> int:
    text = admin_get(str(mesh.layout.admin(GATEWAY)), f"/stats?filter={name}$")[1]
    return sum(int(line.rpartition(": ")[2]) for line in text.splitlines())


def serve_policy(mesh: RunningMesh, text: str) -> None:
    """Write the policy's file, and wait until the service has read it."""
    mesh._policy_file.write_text(text)
    digest = load_policy(text).policy.digest
    admin = str(mesh.layout.admin(SERVICE))
    wait_until(lambda: digest in admin_get(admin, "/policy")[1], "the service has read it")


@pytest.mark.parametrize(
    ("agent", "expected"), [("", UNDYED), ("pc", CANARY), ("dev", PR), ("stray", UNDYED)]
)
async def test_every_hop_goes_to_the_lane_or_falls_back(
    mesh: RunningMesh, agent: str, expected: str
) -> None:
    assert await path(mesh, ("agent", agent)) == expected


async def test_a_spoofed_lane_goes_nowhere(mesh: RunningMesh) -> None:
    assert await path(mesh, ("x-lane", "canary"), ("baggage", "lane=canary")) == UNDYED


async def test_baggage_of_others_reaches_the_last_hop(mesh: RunningMesh) -> None:
    headers = (("agent", "pc"), ("baggage", "tenant=blue,lane=x"))
    hops = (await get(f"{mesh.url}/baggage", headers=headers)).text.splitlines()
    assert [hop.partition(":")[0] for hop in hops] == ["front", "back", "end"]
    for hop in hops:
        line = hop.partition(": ")[2].encode()
        assert Member().read(line).values == (b"canary",)
        assert b"tenant=blue" in line


async def test_an_application_with_the_sdk_and_one_with_baggage_alone_see_their_lane(
    mesh: RunningMesh,
) -> None:
    for agent, lane in (("pc", "canary"), ("dev", "pr-42"), ("", "base")):
        hops = (await get(f"{mesh.url}/lane", headers=(("agent", agent),))).text.splitlines()
        assert hops == [
            f"front: {lane}, says OpenTelemetry's baggage",
            f"back: {lane}, says Colorfast's SDK",
            f"end: {lane}, says Colorfast's SDK",
        ]


async def test_a_dead_service_lets_requests_pass_without_the_clients_lane(
    service: RunningMesh,
) -> None:
    before = stats(service, "ext_proc.colorfast.failure_mode_allowed")
    await service.kill_service()
    spoof = (("agent", "pc"), ("x-lane", "canary"), ("baggage", "a=1,lane=canary"))
    assert await path(service, *spoof) == UNDYED
    hops = (await get(f"{service.url}/baggage", headers=spoof)).text.splitlines()
    assert hops == ["front: a=1", "back: a=1", "end: a=1"]
    assert stats(service, "ext_proc.colorfast.failure_mode_allowed") == before + 2


async def test_a_restarted_service_dyes_again_with_the_same_envoys(service: RunningMesh) -> None:
    envoys = {name: child.process.pid for name, child in service.envoys.items()}
    await service.kill_service()
    assert await path(service, ("agent", "pc")) == UNDYED
    await service.start_service()
    assert await path(service, ("agent", "pc")) == CANARY
    assert {name: child.process.pid for name, child in service.envoys.items()} == envoys
    assert await service.guard(path(service)) == UNDYED


async def test_a_changed_policy_is_followed(mesh: RunningMesh) -> None:
    try:
        serve_policy(mesh, POLICY.replace("exact: pc", "exact: tablet"))
        assert await path(mesh, ("agent", "pc")) == UNDYED
    finally:
        serve_policy(mesh, POLICY)
    assert await path(mesh, ("agent", "pc")) == CANARY


async def test_the_demo_says_when_a_path_is_wrong(service: RunningMesh) -> None:
    out = StringIO()
    demo = _Demo(out, once=True)
    assert await demo._show(service)
    assert "CF614" not in out.getvalue()
    await service.kill_service()
    assert not await demo._show(service)
    assert f"CF614: the request took the path {UNDYED}" in out.getvalue()
    assert f"expected {CANARY}" in out.getvalue()


async def test_a_wrong_path_makes_the_demo_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(
        "apiVersion: colorfast.dev/v1alpha1\nkind: LaneMesh\nmetadata: {name: m}\n"
        "spec: {entry: only, services: {only: {lanes: [base]}}}\n"
    )
    monkeypatch.setattr("colorfast.mesh.demo.expected_paths", lambda *_: ("-> elsewhere",))
    out = StringIO()
    assert await run_demo(once=True, mesh=file, out=out) == 1
    assert "expected -> elsewhere" in out.getvalue()


async def test_a_hung_service_costs_no_more_than_the_message_timeout() -> None:
    mesh = Mesh(name="m", entry="only", services=(Service(name="only", lanes=("base", "canary")),))
    async with running_mesh(mesh, DEFAULT_POLICY, timing=Timing(message=0.2)) as running:
        assert running.service is not None
        running.service.process.send_signal(signal.SIGSTOP)
        spoof = (("agent", "pc"), ("x-lane", "canary"), ("baggage", "lane=canary"))
        assert await path(running, *spoof) == "-> only(version: base)"
        assert stats(running, "ext_proc.colorfast.message_timeouts") == 1
        running.service.process.send_signal(signal.SIGCONT)
        assert await path(running, ("agent", "pc")) == "-> only(version: canary)"
