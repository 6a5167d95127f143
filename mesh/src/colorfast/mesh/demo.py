"""The demo: a mesh runs, requests show their paths, and you can send your own."""

import asyncio
from pathlib import Path
from typing import TextIO

from colorfast.mesh._errors import unexpected_path
from colorfast.mesh._http import get
from colorfast.mesh._layout import GATEWAY, SERVICE
from colorfast.mesh._mesh import RunningMesh, running_mesh
from colorfast.mesh._routes import REFUSED
from colorfast.mesh._samples import (
    Sample,
    expected_baggage,
    expected_lanes,
    expected_paths,
    foreign,
    samples,
    told,
)
from colorfast.mesh._signals import INTERRUPTED, cancelled_by_signals
from colorfast.policy import Mesh, load_mesh

DEFAULT_POLICY = Path(__file__).parent / "defaults" / "shop.yaml"
DEFAULT_MESH = Path(__file__).parent / "defaults" / "mesh.yaml"


async def run_demo(  # noqa: PLR0913 (one argument an option)
    *,
    once: bool,
    out: TextIO,
    port: int = 0,
    mesh: Path = DEFAULT_MESH,
    policy: Path = DEFAULT_POLICY,
    keep: bool = False,
) -> int:
    """Run *mesh* with *policy*, show the paths of sample requests on *out*, serve until Ctrl-C.

    Returns 0, or 1 when a path was not the one that policy and mesh make. With *once* it returns
    as soon as that is known. 130 says that a signal came before it was known. *port* 0 lets a free
    one be chosen; *keep* leaves configuration and logs behind. Raises ColorfastError (CF611 to
    CF615), or InvalidInput when a file cannot be used.
    """
    loaded = _read_mesh(mesh)
    demo = _Demo(out, once=once)
    work = asyncio.ensure_future(demo.run(loaded, policy, port, keep=keep))
    with cancelled_by_signals(work) as signals:
        try:
            await work
        except asyncio.CancelledError:
            if not signals:
                raise
    return demo.status


class _Demo:
    """What is shown, and what is known so far."""

    def __init__(self, out: TextIO, *, once: bool) -> None:
        self.status = INTERRUPTED
        self._out = out
        self._once = once

    async def run(self, mesh: Mesh, policy: Path, port: int, *, keep: bool) -> None:
        self._say(f"Starting mesh {mesh.name} ...")
        async with running_mesh(mesh, policy, port=port, keep=keep) as running:
            self._greet(running, policy)
            right = await running.guard(self._show(running))
            self.status = 0 if right else 1
            if not self._once:
                self._say("Serving until Ctrl-C.")
                await running.guard(asyncio.Event().wait())

    def _greet(self, running: RunningMesh, policy: Path) -> None:
        names = (GATEWAY, *(workload.name for workload in running.mesh.workloads), SERVICE)
        self._say(
            "",
            f"gateway  {running.url}",
            f"try      curl -H 'agent: pc' {running.url}/",
            f"policy   {policy} (the service follows your changes)",
            f"logs     {running.logs}",
            "admin    curl --unix-socket SOCKET http://localhost/stats (extproc has /metrics)",
            *(f"         {running.layout.admin(name)}" for name in names),
            "",
        )

    async def _show(self, running: RunningMesh) -> bool:
        right = [await self._show_path(running, sample) for sample in samples(running.policy)]
        right += [await self._show_baggage(running), await self._show_lane(running)]
        return all(right)

    async def _show_path(self, running: RunningMesh, sample: Sample) -> bool:
        took = await self._ask(running, sample)
        expected = expected_paths(running.policy, running.mesh, sample)
        refused = REFUSED in expected and took.startswith("(status 5")
        return self._check(took, expected, right=refused or took in expected)

    async def _show_baggage(self, running: RunningMesh) -> bool:
        sample = foreign(running.policy)
        hops = await self._ask(running, sample)
        members = expected_baggage(running.policy, sample)
        right = all(member in line for line in hops.splitlines() for member in members)
        return self._check(hops, (f"{' and '.join(members)} at every hop",), right=right)

    async def _show_lane(self, running: RunningMesh) -> bool:
        sample = told()
        hops = await self._ask(running, sample)
        lanes = expected_lanes(running.policy, sample)
        right = any(all(f": {lane}, " in line for line in hops.splitlines()) for lane in lanes)
        return self._check(hops, tuple(f"{lane} at every hop" for lane in lanes), right=right)

    async def _ask(self, running: RunningMesh, sample: Sample) -> str:
        self._say(f"GET {sample.target}  # {sample.shows}")
        self._say(*(f"    {name}: {value}" for name, value in sample.headers))
        reply = await get(running.url + sample.target, headers=sample.headers)
        return reply.text if reply.status == 200 else f"(status {reply.status}) {reply.text}"

    def _check(self, took: str, expected: tuple[str, ...], *, right: bool) -> bool:
        self._say(took)
        if not right:
            self._say(str(unexpected_path(took, expected)))
        self._say("")
        return right

    def _say(self, *lines: str) -> None:
        self._out.writelines(f"{line}\n" for line in lines)
        self._out.flush()


def _read_mesh(path: Path) -> Mesh:
    return load_mesh(path.read_text(encoding="utf-8"), file=str(path))
