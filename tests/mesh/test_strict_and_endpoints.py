"""A lane whose version of a service is not there: a 503, or the next lane that has ready pods."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from colorfast.lane import LaneSet
from colorfast.mesh import RunningMesh, running_mesh
from colorfast.mesh._http import get
from colorfast.policy import Mesh, Service
from helpers.processes import wait_until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = """
apiVersion: colorfast.dev/v1alpha1
kind: LanePolicy
metadata: {name: shop}
spec:
  lanes: [base, canary, blue, "pr-*"]
  rules:
  - {name: canary, match: [{headers: {agent: {exact: canary}}}], lane: canary}
  - {name: blue, match: [{headers: {agent: {exact: blue}}}], lane: blue}
  - {name: pr, match: [{headers: {agent: {exact: dev}}}], lane: pr-7}
"""
MESH = Mesh(
    name="m",
    entry="front",
    services=(Service(name="front", lanes=("base", "canary")),),
    strict=LaneSet(("blue", "pr-*")),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["deployed", "endpoints"])
async def mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningMesh]:
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text(POLICY)
    async with running_mesh(replace(MESH, fallback=request.param), policy) as running:
        yield running


async def answer(mesh: RunningMesh, agent: str) -> tuple[int, str]:
    reply = await get(mesh.url, headers=(("agent", agent),))
    return reply.status, reply.text


async def test_a_strict_lane_is_refused_with_a_reason(mesh: RunningMesh) -> None:
    for agent in ("blue", "dev"):
        status, text = await answer(mesh, agent)
        assert status == 503
        assert "front has no version for the lane of this request" in text


async def test_a_lane_whose_pods_are_gone_fails_or_falls_back(mesh: RunningMesh) -> None:
    assert await answer(mesh, "canary") == (200, "-> front(version: canary)")
    await mesh.kill_workload("front.canary")
    if mesh.mesh.fallback == "deployed":
        assert (await answer(mesh, "canary"))[0] == 503
        return

    async def fallen_back() -> bool:
        return await answer(mesh, "canary") == (200, "-> front(version: base)")

    await wait_until_async(fallen_back, "the baseline serves the lane")
