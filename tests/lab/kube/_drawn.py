"""Random releases for Argo Rollouts and OpenKruise: what is to happen follows from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from random import Random
from typing import Any, Final

import yaml
from lab.kube._cases import Case, loaded
from lab.kube._lab import Lab, Script
from lab.kube._play import Player, stays
from lab.kube._troubles import disturbances
from release.explain import broken, disagreement
from release.trace import DRAWN, Trace

from colorfast.release import Controller, Release, Style
from colorfast.release.verify import table_of, verify
from helpers.releases import mesh_text, release_text, text

_ARGO: Final[Controller] = "argo-rollouts"
_STYLES: Final[dict[Controller, tuple[Style, ...]]] = {
    _ARGO: ("version", "version", "labels", "managed"),
    "kruise": ("version", "managed"),
}
_SEED: Final = "seed-"


@dataclass(frozen=True)
class Drawn:
    """One release, one play."""

    seed: int
    controller: Controller = _ARGO

    @property
    def name(self) -> str:
        """What its trace is called."""
        by = "" if self.controller == _ARGO else f"{self.controller}-"
        return f"{by}{_SEED}{self.seed}"

    @classmethod
    def named(cls, name: str) -> "Drawn":
        """The one whose trace is called *name*."""
        by, _, seed = name.rpartition(_SEED)
        return next(cls(int(seed), one) for one in _STYLES if by in ("", f"{one}-"))

    @cached_property
    def files(self) -> dict[str, str]:
        """The three files."""
        return dict(_files(Random(self.seed), self.controller))

    def case(self, prefix: str = "", prometheus: str = "") -> Case:
        """The release in namespaces that begin with *prefix*."""
        read = self.files.__getitem__
        return loaded(DRAWN, read, prefix, prometheus, in_a_hurry=True)

    @property
    def release(self) -> Release:
        """The release, as it is verified."""
        return self.case().release

    @cached_property
    def script(self) -> tuple[str, Script]:
        """What is played, in words too."""
        random, case = Random(f"play {self.seed}"), self.case()
        steps = case.plan.steps
        until = random.choice([None, None, *range(1, len(steps))])
        first = next(one.number for one in steps if one.action == "promote")
        still = [
            one.number
            for one in steps[: min(until or len(steps), first - 1)]
            if one.action not in ("route", "deploy") and stays(case.release, one)
        ]
        named = sorted(disturbances(case.release).items())
        words, disturbed, after = "undisturbed", None, until
        if still and random.random() < 0.6:
            (words, disturbed), after = random.choice(named), random.choice(still)
        end = f"given up after step {until}" if until else "to its end"
        told = f"{words} after step {after}, {end}" if disturbed else f"{words}, {end}"
        return told, partial(_play, after=after, disturbed=disturbed, until=until)

    def wrong(self, trace: Trace) -> Iterator[str]:
        """How *trace* is not what model, plan and verdict say."""
        case = self.case()
        if problem := disagreement(case.plan, table_of(case.release), trace):
            yield problem
        found = broken(case.plan, trace)
        if found:
            told = {one.invariant for one in verify(case.release).counterexamples}
            yield from (f"breaks {one}: {what}" for one, what in found.items() if one not in told)


def _play(
    player: Player,
    lab: Lab,
    *,
    after: int | None,
    disturbed: Script | None,
    until: int | None,
) -> None:
    player.forward(after)
    if disturbed is not None:
        disturbed(player, lab)
        player.forward(until, since=after or 0)
    if until is not None:
        player.back()


def _files(random: Random, controller: Controller) -> Iterator[tuple[str, str]]:
    names = "abcd"[: random.randint(1, 4)]
    calls = {
        name: sorted(one for one in names[index + 1 :] if random.random() < 0.6)
        for index, name in enumerate(names)
    }
    pattern = random.choice(("locked", "locked", "ordered", "single"))
    # Kruise takes a minute for each service of an ordered release.
    most = 1 if pattern == "single" else len(names) if controller == _ARGO else 2
    released = sorted(random.sample(names, random.randint(1, min(most, len(names)))))
    spec: dict[str, Any] = {"controller": controller, "pattern": pattern}
    least = 1
    if pattern == "locked":
        spec["style"] = random.choice(_STYLES[controller])
        # With one pod Argo loses the header route, and the release is refused.
        least = 2 if (controller, spec["style"]) == (_ARGO, "managed") else 1
    weights = sorted(random.sample(range(1, 100), random.randint(0, 2)))
    pauses: list[dict[str, Any]] = [{}, {"pause": "4s"}]
    spec["steps"] = [{"weight": one} | random.choice(pauses) for one in (*weights, 100)]
    given = yaml.safe_load(release_text(released, **spec))
    for one in given["spec"]["services"].values():
        one["replicas"] = random.randint(least, 3)
    yield "release.yaml", yaml.safe_dump(given, sort_keys=False)
    locked = pattern == "locked"
    yield "mesh.yaml", mesh_text(calls, released, locked=locked, namespace="shop")
    policy = yaml.safe_load(text("LanePolicy", "shop", {"lanes": ["base", "canary"]}))
    policy["metadata"]["namespace"] = "shop"
    yield "policy.yaml", yaml.safe_dump(policy, sort_keys=False)
