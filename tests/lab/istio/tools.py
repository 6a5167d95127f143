"""Istio's config engine and istioctl, as functions over objects."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from lab.istio import build

from colorfast.k8s import dump
from helpers.envoys import short_folder

Json = dict[str, Any]

TIMEOUT: Final = 300.0

GENERATED: Final = "app.kubernetes.io/managed-by=colorfast"
"""Selects what we have generated."""

EXPECTED: Final = "EnvoyFilter exposes internal implementation details"
"""What Istio has to say about every EnvoyFilter."""


@cache
def need_istio() -> None:
    """Skip the test where nothing is built."""
    if reason := build.missing():
        pytest.skip(reason)


def program(name: str) -> list[str]:
    """The command of what is built, with its checks."""
    folder = build.place()
    checks = ["-crds", str(folder / "crds.json")] if name == "istio-render" else []
    return [str(folder / name), *checks]


def write(path: Path, objects: Iterable[Json]) -> str:
    """*objects* as a file; its path."""
    path.write_text(dump(objects))
    return str(path)


def environment(*, ambient: bool = False) -> Mapping[str, str]:
    """For istio-render. Waypoints are there only in an *ambient* mesh."""
    # A process that lives for seconds need not collect much.
    return {**os.environ, "GOGC": "400", "PILOT_ENABLE_AMBIENT": str(ambient).lower()}


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[str, list[str]]:
    """What it prints, and its warnings. An AssertionError says what it refuses."""
    done = subprocess.run(
        command, capture_output=True, check=False, env=env, timeout=TIMEOUT, text=True
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout, [line for line in done.stderr.splitlines() if EXPECTED not in line]


def render(
    objects: Iterable[Json],
    proxies: Sequence[str],
    *,
    output: str = "xds",
    ambient: bool = False,
    more: Sequence[str] = (),
) -> Json:
    """What each of *proxies*, ``KIND:NAMESPACE/DEPLOYMENT``, is sent by *output*.

    Raises AssertionError for objects that the API server or Istio would refuse or warn of.
    """
    with short_folder() as folder:
        command = [*program("istio-render"), "-o", output, *more]
        command += [word for proxy in proxies for word in ("-proxy", proxy)]
        said, warnings = run(
            [*command, write(folder / "all.yaml", objects)], environment(ambient=ambient)
        )
    assert warnings == [], "\n".join(warnings)
    data: Json = json.loads(said)
    return data


def effects(
    objects: Iterable[Json], proxies: Sequence[str], *, ambient: bool = False
) -> dict[str, list[str]]:
    """Which of *proxies* get something else without each generated object, or without each patch
    of a generated EnvoyFilter."""
    return render(objects, proxies, output="effects", ambient=ambient, more=("-of", GENERATED))


def analyze(objects: Iterable[Json]) -> list[tuple[str, str, str]]:
    """Code, object and message of what ``istioctl analyze`` finds."""
    with short_folder() as folder:
        # Without -A it skips EnvoyFilters outside of the namespace `default`, and says nothing.
        command = [*program("istioctl"), "analyze", "-A", "--use-kube=false", "-o", "json"]
        command += ["--failure-threshold", "Error", write(folder / "all.yaml", objects)]
        said, _ = run(command)
    return [
        (one["code"], one["origin"], one["message"])
        for one in json.loads(said) or []
        if EXPECTED not in one["message"]
    ]


def validate(objects: Iterable[Json]) -> list[str]:
    """What ``istioctl validate`` warns of; an AssertionError says what it refuses."""
    with short_folder() as folder:
        path = write(folder / "all.yaml", objects)
        said, warnings = run([*program("istioctl"), "validate", "-f", path])
    assert said.strip() == "", said
    empty = ("", f'"{path}" has warnings:', f'"{path}" is valid')
    return [line for line in warnings if line.strip() not in empty]
