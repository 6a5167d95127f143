"""Plays a plan in the local mesh, and says what users saw of it."""

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TextIO

import yaml

from colorfast.mesh._errors import not_ready
from colorfast.mesh._http import get
from colorfast.mesh._layout import SERVICE, Layout
from colorfast.mesh._mesh import RunningMesh, prepared_mesh, unwrapped
from colorfast.mesh.release._load import Answer, Load, users_of
from colorfast.mesh.release._load import Path as Hops
from colorfast.mesh.release._plot import bars, svg
from colorfast.mesh.release._routes import ReleasePlan, reroute
from colorfast.mesh.release._seen import HEADING, Seen, escaped, row, seen
from colorfast.mesh.release._stage import staged, workloads
from colorfast.policy import Policy, load_policy
from colorfast.release import WHOLE, Json, Plan, Release, Step, plan
from colorfast.release.verify import Counterexample, verify

DEFAULT_RELEASE: Final = Path(__file__).with_name("shop") / "release.yaml"

_POLL: Final = 0.05
_BOUND: Final = 15.0
"""Seconds that the service has to take a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """How a release is shown."""

    rate: float
    """Requests a second."""
    requests: int
    """How many of them each step gets at least, after its change."""
    break_order: bool = False
    """Whether the entrance is finished first, which is wrong."""
    svg: Path | None = None
    """Where the picture goes."""
    keep: bool = False
    """Whether configuration and logs stay."""


async def run_release_demo(release: Release, demo: Demo, out: TextIO) -> int:
    """Play *release* step by step under load, and show what is seen on *out*.

    Returns 0 when it is what ``verify`` says: no request met both versions and none failed, or,
    with the order broken, the request of the counterexample was seen. Else 1. Raises
    ColorfastError (CF611 to CF613, CF615, CF617).
    """
    if demo.break_order:
        release = replace(release, finish="first")
    mesh = staged(release)
    made = plan(release)
    predicted = _predicted(release)
    player = _Player(release=release, plan=made, demo=demo, out=out)
    with tempfile.TemporaryDirectory(prefix="colorfast-release-") as folder:
        file = Path(folder) / "policy.yaml"
        _write(file, release.policy_object)
        routes = made.routes_at(0)

        def configured(layout: Layout, message: float) -> ReleasePlan:
            return ReleasePlan(
                mesh=mesh,
                policy=_widest(made),
                layout=layout,
                message_timeout=message,
                routes=routes,
                lane=str(release.lane),
            )

        player.say(f"Starting mesh {mesh.name} ...")
        async with prepared_mesh(mesh, file, configured, keep=demo.keep) as running:
            await running.guard(unwrapped(running.start(workloads(release, mesh, new=False))))
            await running.guard(player.play(running, file))
    return player.judge(predicted)


def _predicted(release: Release) -> Counterexample | None:
    """What ``verify`` says will be seen of a request."""
    found = verify(release).counterexamples
    return next((one for one in found if one.path), None)


def _widest(made: Plan) -> Policy:
    """The policy of a step that draws: what it reads Envoy has to send from the start.

    Filters are the same during all of the release.
    """
    drawing = next(step.policy for step in made.steps if step.policy is not None)
    return load_policy(_text(drawing)).policy


class _Player:
    """The steps, and what was seen of them."""

    def __init__(self, *, release: Release, plan: Plan, demo: Demo, out: TextIO) -> None:
        self._release = release
        self._plan = plan
        self._demo = demo
        self._out = out
        self._seen: list[Seen] = []
        self._answers: list[Answer] = []

    async def play(self, running: RunningMesh, policy: Path) -> None:
        """Every step of the plan, the load going on meanwhile."""
        sticky = self._release.sticky
        assert sticky is not None  # noqa: S101 (staged: the dye draws)
        users = users_of(sticky.salt)
        load = Load(url=running.url, release=self._release, rate=self._demo.rate, users=users)
        self._answers = load.answers
        self.say("", HEADING)
        async with _sending(load):
            await self._watch(load, 0, "before the release", 0)
            asked = 0
            for step in self._plan.steps:
                load.step, load.settled = step.number, False
                await self._do(running, policy, step)
                await load.drain()
                load.settled = True
                asked = _asked(self._plan, step)
                await self._watch(load, step.number, step.title, asked)
            await load.drain()

    async def _watch(self, load: Load, number: int, title: str, asked: int) -> None:
        await load.until(self._demo.requests)
        self._seen.append(seen(self._release, number, title, asked, load.answers))
        self.say(row(self._seen[-1]))

    async def _do(self, running: RunningMesh, policy: Path, step: Step) -> None:
        chosen = [
            one
            for one in workloads(self._release, running.mesh, new=step.action == "deploy")
            if one.service.name in step.services
        ]
        if step.policy is not None:
            _write(policy, step.policy)
            await _taken(running, load_policy(_text(step.policy)).policy)
        elif step.kind == "routes":
            await reroute(running, self._plan.routes_at(step.number), step.number)
        elif step.action == "deploy":
            await unwrapped(running.start_workloads(chosen))
        else:
            await running.stop_workloads(chosen)

    def judge(self, predicted: Counterexample | None) -> int:
        """Say what was seen altogether; the exit status."""
        self.say("", *bars(self._seen), "")
        if self._demo.svg is not None:
            picture = svg(self._release, self._answers, self._seen)
            self._demo.svg.write_text(picture, encoding="utf-8")
            self.say(f"picture  {self._demo.svg}")
        escapes = [one.path for one in self._answers if escaped(self._release, one.path)]
        errors = sum(bool(one.error) for one in self._answers)
        self.say(f"{len(self._answers)} requests, {len(escapes)} escapes, {errors} errors")
        if predicted is None:
            self.say("verify says that this release is safe")
            return int(bool(escapes) or bool(errors))
        return self._compare(predicted, escapes)

    def _compare(self, predicted: Counterexample, escapes: list[Hops]) -> int:
        hops = tuple((hop.service, hop.answer) for hop in predicted.path)
        found = next((path for path in escapes if self._told(path)[: len(hops)] == hops), None)
        self.say(f"verify says ({predicted.invariant}): {predicted.what}")
        self.say(f"  predicted  {_shown(hops)}")
        self.say(f"  seen       {_shown(self._told(found)) if found else 'not'}")
        return int(found is None)

    def _told(self, path: Hops) -> Hops:
        """*path* as ``verify`` tells it: a service outside of the release has no version."""
        return tuple(
            (name, version if self._release.change(name) else "") for name, version in path
        )

    def say(self, *lines: str) -> None:
        """Lines for who watches."""
        self._out.writelines(f"{line}\n" for line in lines)
        self._out.flush()


def _shown(path: Hops) -> str:
    return " -> ".join(f"{name}({version})" if version else name for name, version in path)


def _asked(made: Plan, step: Step) -> int:
    """What share of the requests gets the new versions after *step*, by dye or by base routes."""
    dyed = 0
    for one in made.steps[: step.number]:
        if one.action in ("dye", "undye"):
            dyed = one.weight or 0
    (entrance,) = made.release.entrances
    routes = made.routes_at(step.number).get(entrance)
    new = made.release.change(entrance)
    whole = routes is not None and new is not None and routes.base[0][0] == new.new
    return WHOLE if whole else dyed


@contextlib.asynccontextmanager
async def _sending(load: Load) -> AsyncIterator[None]:
    task = asyncio.create_task(load.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _taken(running: RunningMesh, policy: Policy) -> None:
    """Wait until the service runs *policy*. Raises ColorfastError (CF613)."""
    socket = running.layout.admin(SERVICE)
    for _ in _until():
        reply = await get("http://localhost/policy", socket=socket)
        if reply.status == 200 and json.loads(reply.text).get("digest") == policy.digest:
            return
        await asyncio.sleep(_POLL)
    raise not_ready(SERVICE, _BOUND, running.logs / f"{SERVICE}.log")


def _until() -> Iterator[int]:
    yield from range(int(_BOUND / _POLL))


def _text(policy: Json) -> str:
    # In its order: the weights of a split are taken one after the other.
    return yaml.safe_dump(policy, sort_keys=False)


def _write(file: Path, policy: Json) -> None:
    part = file.with_suffix(".part")
    part.write_text(_text(policy), encoding="utf-8")
    os.replace(part, file)  # noqa: PTH105 (atomic: the service may look at any moment)
