"""The releases that generated objects are held against: one folder each."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from colorfast.release import Release, load_release
from colorfast.release.generate import Generated, generate

GOLDEN = Path(__file__).parents[1] / "golden" / "release"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/release.yaml"))

Object = dict[str, Any]
State = dict[tuple[str, str, str], Object]
"""What a cluster has: objects by kind, namespace and name."""


def release_of(case: str) -> Release:
    file = GOLDEN / case / "release.yaml"
    return load(file.read_text(), file.parent)


def load(text: str, folder: Path) -> Release:
    return load_release(text, read=lambda name: (folder / name).read_text()).release


@cache
def generated(case: str) -> Generated:
    return generate(release_of(case))


def objects(case: str, folder: str) -> list[Object]:
    """What is applied from one folder."""
    files = generated(case).files
    found = [files[name] for name in files if name.startswith(f"{folder}/")]
    return [one for text in found for one in yaml.safe_load_all(text)]


def everything(case: str) -> list[Object]:
    return [one for folder in generated(case).folders for one in objects(case, folder)]


def states(case: str) -> list[tuple[str, State]]:
    """What there is after each folder, if nothing but ``kubectl apply`` writes."""
    found: list[tuple[str, State]] = []
    state: State = {}
    for folder in generated(case).folders:
        if not folder.startswith("rollback/"):
            state = {**state, **{key(one): one for one in objects(case, folder)}}
            found.append((folder, state))
    return found


def key(one: Object) -> tuple[str, str, str]:
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]


def of_kind(found: list[Object], kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}
