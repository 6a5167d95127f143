"""A release as ``colorfast release generate`` writes it, played by a real release controller.

Every folder is applied in the plan's order, and the runbook's commands are given. What the cluster
held after every single write, by us or by a controller, is recorded.
"""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import yaml
from lab.kube._api import Json
from lab.kube._record import Recorder, State
from lab.kube._rig import Cluster, until
from lab.kube._traffic import Answer, answer

from colorfast.release import Change, Controller, Plan, Release, Step, load_release, plan
from colorfast.release.generate import INSTALL, ROLLBACK, Generated, generate

EXAMPLES: Final = Path(__file__).parents[3] / "examples" / "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One step, and what was recorded from the end of the step before it to its own."""

    step: Step
    dyed: tuple[int, int]
    """Parts of 10,000 that are dyed meanwhile: the least and the most."""
    states: tuple[State, ...]


class Controls(Protocol):
    """A release controller, as far as a player has to do with it."""

    @property
    def name(self) -> Controller:
        """As ``--controller`` calls it."""
        ...

    def command(self, line: str) -> None:
        """Do what *line* of a runbook does, when somebody types it."""
        ...

    def until_idle(self, namespace: str, name: str) -> None:
        """Wait until there is nothing to release, or a release has come to its end."""
        ...

    def until_waiting(self, namespace: str, name: str) -> None:
        """Wait until it waits for somebody to go on."""
        ...

    def until_either(self, namespace: str, name: str) -> None:
        """Wait for one of both."""
        ...


class Player:
    """Plays the release of *file* in the namespace *space*."""

    def __init__(
        self, cluster: Cluster, controls: Controls, recorder: Recorder, space: str, file: str
    ) -> None:
        self.release = _load(file, space, controls.name)
        self.plan: Plan = plan(self.release)
        self.made: Generated = generate(self.release)
        self.controls = controls
        self.space = space
        self._commands = commands(self.made.files["runbook.md"])
        self._done: set[str] = set()
        self._dyed = 0
        self._since = 0
        self._cluster = cluster
        self._recorder = recorder

    def install(self) -> None:
        """Apply what stands before the release, and wait until the old versions are ready."""
        self.apply(INSTALL)
        for change in self.release.changes:
            self.controls.until_idle(self.space, change.name)
            self.until_ready(change, change.old, change.replicas)
        self._since = len(self._recorder.states()) - 1

    def play(self, step: Step, *, back: bool = False) -> Played:
        """Play one step, of the rollback if *back*, and wait for what it waits for."""
        before = self._dyed
        instead = self._instead(step) if back else []
        self._done.add(step.action)
        if step.kind == "policy":
            self._dyed = step.weight or 0
        if not instead:
            self.apply(f"{ROLLBACK}/{step.id}" if back else step.id)
        changes = [one for one in self.release.changes if one.name in step.services]
        if step.kind == "pods":
            typed = [one for one in self._commands[back, step.number] if one[0] != "#"]
            for line in instead or typed:
                self.controls.command(line)
            for change in changes:
                self._until_seen(step, change)
        since, self._since = self._since, len(self._recorder.states()) - 1
        dyed = (min(before, self._dyed), max(before, self._dyed))
        return Played(step=step, dyed=dyed, states=tuple(self._recorder.states(since)))

    def forward(self, until_step: int | None = None) -> list[Played]:
        """Play the plan, or its first steps."""
        return [self.play(step) for step in self.plan.steps[:until_step]]

    def back(self) -> list[Played]:
        """Give the release up, from where it is."""
        return [self.play(step, back=True) for step in self.needed()]

    def needed(self) -> list[Step]:
        """The steps of the rollback whose condition holds."""
        moved = "switch" in self._done or "promote" in self._done
        gone = "promote" in self._done
        return [
            one
            for one in self.plan.rollback
            if (moved or not one.is_for_moved) and (gone or not one.is_for_gone)
        ]

    def apply(self, folder: str) -> None:
        """Apply a folder as ``kubectl apply --recursive`` does, and wait until it is recorded."""
        for name, text in self.made.files.items():
            if name.startswith(f"{folder}/"):
                for one in yaml.safe_load_all(text):
                    (stored,) = self._cluster.api.apply(self._placed(one))
                    until(partial(self._recorder.has_seen, stored), f"{name} is recorded")

    def answers(self, state: State, change: Change, *, lane: bool) -> Answer:
        """Who answers requests to the service of *change*."""
        release = self.release
        headers = {release.policy.header: str(release.lane)} if lane else {}
        return answer(state, change.service.host, headers, label=change.label)

    def ready(self, change: Change, version: str) -> int:
        """Pods of *version* that are ready."""
        state = self._recorder.states(-1)[-1]
        labels = {change.label: version, "app": change.name}
        return sum(
            labels.items() <= pod["metadata"]["labels"].items() and _ready(pod)
            for pod in state.of("Pod").values()
        )

    def until_ready(self, change: Change, version: str, count: int) -> None:
        """Wait until *count* pods of *version* are ready."""
        what = f"{count} pods of {change.name} {version} are ready"
        until(lambda: self.ready(change, version) == count, what)

    def pods(self, change: Change, version: str) -> list[str]:
        """The names of the pods of *version*."""
        state = self._recorder.states(-1)[-1]
        labels = {change.label: version, "app": change.name}
        return [
            name
            for name, pod in state.of("Pod").items()
            if labels.items() <= pod["metadata"]["labels"].items()
        ]

    def _instead(self, step: Step) -> list[str]:
        """What the runbook says to type instead, because an earlier step of it was done."""
        done = {one.number for one in self.plan.rollback if one.action in self._done}
        lines = self._commands[True, step.number]
        said = [re.fullmatch(r"# after step (\d+) instead: (.*)", line) for line in lines]
        return [one[2] for one in said if one is not None and int(one[1]) in done]

    def _until_seen(self, step: Step, change: Change) -> None:
        """What the runbook says to wait for."""
        match step.action:
            case "deploy":
                self.controls.until_waiting(self.space, change.name)
                self._until(change, change.new, change.replicas)
            case "promote":
                self.controls.until_idle(self.space, change.name)
                self._until(change, change.old, 0)
            case "restore":
                self.controls.until_either(self.space, change.name)
                self._until(change, change.old, change.replicas)
            case "scale-down":
                self._until(change, change.new, 0)

    def _until(self, change: Change, version: str, count: int) -> None:
        what = f"{count} pods of {change.name} {version} are there"
        until(lambda: len(self.pods(change, version)) == count == self.ready(change, version), what)

    def _placed(self, one: Json) -> Json:
        metadata = {"namespace": self.space, **one["metadata"]}
        return {**one, "metadata": metadata}


def commands(runbook: str) -> dict[tuple[bool, int], list[str]]:
    """What is to be typed besides ``kubectl apply``, by whether it goes back, and the step."""
    found: dict[tuple[bool, int], list[str]] = {}
    for back, part in enumerate(runbook.split("# Giving it up")):
        for section in re.split(r"(?m)^## ", part)[1:]:
            number = int(section.partition(".")[0])
            typed = r"(?m)^(?:kubectl (?!apply)|# after step).*$"
            found[bool(back), number] = re.findall(typed, section)
    return found


def _ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _load(file: str, space: str, controller: Controller) -> Release:
    """The release in a namespace of its own: the mesh says which."""

    def read(name: str) -> str:
        text = (EXAMPLES / name).read_text()
        return text.replace("namespace: shop", f"namespace: {space}")

    return load_release(read(file), read=read, file=file, controller=controller).release
