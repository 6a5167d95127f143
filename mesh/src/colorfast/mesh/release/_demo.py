"""Plays a release in the local mesh, and says what users saw of it."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, TextIO

from colorfast.mesh._launch import envoy_version
from colorfast.mesh._layout import Layout
from colorfast.mesh._mesh import RunningMesh, prepared_mesh, unwrapped
from colorfast.mesh._signals import INTERRUPTED, cancelled_by_signals
from colorfast.mesh.release._load import Answer, Load, users_of
from colorfast.mesh.release._plot import bars, svg
from colorfast.mesh.release._policy import PolicyFile, widest
from colorfast.mesh.release._predicted import Comparison
from colorfast.mesh.release._reroute import WatchingPlan, reroute
from colorfast.mesh.release._scenes import Scene, scenes
from colorfast.mesh.release._seen import Seen, seen
from colorfast.mesh.release._shares import places
from colorfast.mesh.release._stage import check_way, in_wrong_order, staged, workloads
from colorfast.mesh.release._table import Table
from colorfast.policy import Mesh
from colorfast.release import Action, Plan, Release, plan
from colorfast.release.verify import Verdict, verify

DEFAULT_RELEASE: Final = Path(__file__).with_name("shop") / "release.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """How a release is shown."""

    rate: float
    """Requests a second."""
    requests: int
    """How many of them each step gets at least at each entrance, after its change."""
    break_order: bool = False
    """Whether the entrance is finished first, which is wrong."""
    give_up_after: int | None = None
    """The step of the plan after which its rollback begins."""
    svg: Path | None = None
    """Where the picture goes."""
    keep: bool = False
    """Whether configuration and logs stay."""


async def run_release_demo(release: Release, demo: Demo, out: TextIO) -> int:
    """Play *release* step by step under load, and show what is seen on *out*.

    Returns 0 when that is what ``verify`` predicts, and the shares are as asked for; 1 when it is
    not; 130 when a signal came before it was known. Raises ColorfastError (CF611 to CF613, CF615,
    CF617).
    """
    work = asyncio.ensure_future(_played(release, demo, out))
    with cancelled_by_signals(work) as signals:
        try:
            return await work
        except asyncio.CancelledError:
            if not signals:
                raise
    return INTERRUPTED


async def _played(release: Release, demo: Demo, out: TextIO) -> int:
    if demo.break_order:
        release = in_wrong_order(release)
    mesh, made = staged(release), plan(release)
    check_way(made, demo.give_up_after)
    player = _Player(release, scenes(made, demo.give_up_after), demo, out)
    player.greet()
    verdict = verify(release)
    async with _prepared(made, mesh, keep=demo.keep) as (running, policy):
        await running.guard(unwrapped(running.start(workloads(release, mesh, new=False))))
        await running.guard(unwrapped(player.run(running, policy)))
    return player.judge(verdict)


@contextlib.asynccontextmanager
async def _prepared(
    made: Plan, mesh: Mesh, *, keep: bool
) -> AsyncIterator[tuple[RunningMesh, PolicyFile]]:
    """The mesh before the release, nothing running yet, and the policy that it will follow."""
    release = made.release

    def configured(layout: Layout, message: float) -> WatchingPlan:
        return WatchingPlan(
            mesh=mesh,
            policy=widest(made),
            layout=layout,
            message_timeout=message,
            envoy=envoy_version(),
            drops=release.drops,
            release=release,
            now=scenes(made)[0].now,
        )

    with tempfile.TemporaryDirectory(prefix="colorfast-release-") as folder:
        policy = PolicyFile(path=Path(folder) / "policy.yaml")
        policy.write(release.policy_object)
        async with prepared_mesh(mesh, policy.path, configured, keep=keep) as running:
            yield running, policy


class _Player:
    """Plays the scenes of a release one after the other, the load going on meanwhile."""

    def __init__(self, release: Release, play: Sequence[Scene], demo: Demo, out: TextIO) -> None:
        self._release = release
        self._play = play
        self._demo = demo
        self._out = out
        self._table = Table(places(release), play)
        self._steps: list[Seen] = []
        """What was seen so far."""
        self._answers: list[Answer] = []

    def greet(self) -> None:
        """Say what is about to be seen."""
        mesh, controller = self._release.mesh.name, self._release.controller
        self._say(f"Starting mesh {mesh} ...")
        if controller != "istio":
            self._say(f"It does what the plan says of {controller}, and nothing by itself.")

    async def run(self, running: RunningMesh, policy: PolicyFile) -> None:
        """Every scene in its order."""
        load = Load(
            url=running.url,
            release=self._release,
            rate=self._demo.rate,
            users=users_of(self._release),
        )
        self._answers = load.answers
        self._say("", self._table.heading)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(load.run())
            for before, scene in pairwise((self._play[0], *self._play)):
                await self._change(running, policy, before, scene)
                await load.settle()
                await load.until(self._demo.requests)
                await load.turn()
                self._show(scene)
            sending.cancel()

    async def _change(
        self, running: RunningMesh, policy: PolicyFile, before: Scene, scene: Scene
    ) -> None:
        """Do the step of *scene*: it changes the policy, routes or pods."""
        step = scene.step
        if step is None:
            return
        if step.policy is not None:
            await policy.apply(running, step.policy)
            return
        for now in before.now.one_by_one(scene.now):
            await reroute(running, now)
        if step.kind == "pods":
            await self._change_pods(running, scene, step.action)

    async def _change_pods(self, running: RunningMesh, scene: Scene, action: Action) -> None:
        is_new = action in ("deploy", "scale-down")
        every = workloads(self._release, running.mesh, new=is_new)
        chosen = [one for one in every if one.service.name in scene.services]
        if action in ("deploy", "restore"):
            await unwrapped(running.start_workloads(chosen))
        else:
            await running.stop_workloads(one for one in chosen if one.name in running.envoys)

    def _show(self, scene: Scene) -> None:
        self._steps.append(seen(self._release, scene, self._answers))
        self._say(*self._table.rows(self._steps[-1]))

    def judge(self, verdict: Verdict) -> int:
        """Say what was seen altogether; the exit status."""
        # Who asked while the load was being stopped belongs to no scene.
        answers = [one for one in self._answers if one.scene < len(self._play)]
        self._say("", *bars(self._steps), "")
        if self._demo.svg is not None:
            picture = svg(self._release, answers, self._steps)
            self._demo.svg.write_text(picture, encoding="utf-8")
            self._say(f"picture  {self._demo.svg}")
        found = Comparison(verdict=verdict, play=self._play, answers=answers, steps=self._steps)
        self._say(*found.lines())
        return 0 if found.is_as_predicted else 1

    def _say(self, *lines: str) -> None:
        self._out.writelines(f"{line}\n" for line in lines)
        self._out.flush()
