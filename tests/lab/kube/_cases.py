"""Releases for the lab: as in their files, in namespaces of their own, with pauses of seconds."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import yaml
from lab.kube._api import Json

from colorfast.release import Plan, Release, load_release, plan
from colorfast.release.generate import Generated, generate

GOLDEN: Final = Path(__file__).parents[2] / "golden" / "release"
CASES: Final = sorted(path.parent.name for path in GOLDEN.glob("*/release.yaml"))

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A case has dozens of files; the one in C is ten times as fast."""

PAUSE: Final = 4
"""Seconds of every pause that has a time. Whoever gives a release up in one has to be quicker."""

HURRIED: Final = 2
"""Seconds after which Argo takes down old pods of releases that are in a hurry; by default 30."""


@dataclass(frozen=True)
class Case:
    """A release to be played, and what is written for it."""

    name: str
    release: Release
    prefix: str = ""
    """Of the names of its namespaces, and of what it asks Prometheus."""
    in_a_hurry: bool = False
    """Whether what is applied differs from what is generated in how long a controller only waits."""

    @cached_property
    def plan(self) -> Plan:
        """What to do."""
        return plan(self.release)

    @cached_property
    def made(self) -> Generated:
        """What to apply and to type."""
        return generate(self.release)

    @cached_property
    def folders(self) -> dict[str, list[Json]]:
        """What is applied, by folder."""
        found: dict[str, list[Json]] = {}
        for name, text in self.made.files.items():
            folder = next((one for one in self.made.folders if name.startswith(f"{one}/")), None)
            if folder is not None:
                found.setdefault(folder, []).extend(yaml.load_all(text, Loader=_LOADER))
        if self.in_a_hurry:
            for one in (each for made in found.values() for each in made):
                _hurry(one)
        return found

    @property
    def namespaces(self) -> set[str]:
        """All that are written to."""
        return {one["metadata"]["namespace"] for made in self.folders.values() for one in made}


def golden(case: str, prefix: str, prometheus: str) -> Case:
    """The golden release *case*; its namespaces' names begin with *prefix*."""
    folder = GOLDEN / case
    return loaded(case, lambda name: (folder / name).read_text(), prefix, prometheus)


def loaded(
    case: str,
    read: Callable[[str], str],
    prefix: str,
    prometheus: str,
    *,
    in_a_hurry: bool = False,
) -> Case:
    """The release whose files *read* has: ``release.yaml``, and those that it names."""

    def moved(name: str) -> str:
        text = re.sub(r"\bnamespace: ([a-z0-9-]+)", rf"namespace: {prefix}\1", read(name))
        text = re.sub(r"\bpause: \d+[smh]", f"pause: {PAUSE}s", text)
        text = re.sub(r"\binterval: \d+[smh]", "interval: 1s", text)
        return re.sub(r"\bprometheus: \S+", f"prometheus: {prometheus}/{prefix}", text)

    release = load_release(moved("release.yaml"), read=moved, file=case).release
    return Case(case, release, prefix, in_a_hurry)


def _hurry(one: Json) -> None:
    if one["kind"] == "Rollout" and one["apiVersion"].startswith("argoproj.io/"):
        one["spec"]["strategy"]["canary"]["scaleDownDelaySeconds"] = HURRIED
