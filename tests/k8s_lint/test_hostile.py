"""Hostile and strange input: no traceback, and never more than 200 MiB."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from colorfast.k8s import Version
from colorfast.k8s.lint import lint
from colorfast.k8s.manifests import read_manifests

CASES = sorted(Path(__file__).with_name("cases").glob("*.yaml"))
LIMIT = 200 << 10
"""KiB, as ru_maxrss counts."""
TEN = 10 << 20

MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=240)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([done.returncode, peak, done.stdout[-4000:], done.stderr[-4000:]]))
"""

ROUTE = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v%d, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - match: [{headers: {x-lane: {regex: "canary.*"}}}]
    route: [{destination: {host: reviews, subset: canary}}]
"""


def repeated(text: str, size: int = TEN - 4096) -> str:
    return text * (size // len(text))


HOSTILE = {
    "objects": lambda: "".join(ROUTE % number for number in range(TEN // (len(ROUTE) + 4))),
    "one-list": lambda: "apiVersion: v1\nkind: List\nitems:\n" + repeated("- {kind: A, b: [c]}\n"),
    "keys": lambda: "{" + ",".join(f"k{number}: 1" for number in range(900_000)) + "}",
    "kinds": lambda: "".join(
        f"---\napiVersion: {'x' * 60}{number}/v1\nkind: {'k' * 60}{number}\n"
        for number in range(60_000)
    ),
    "policies": lambda: repeated(
        "---\napiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\n"
        "metadata: {name: p}\nspec: {lanes: [a]}\n"
    ),
    "brackets": lambda: "[" * TEN,
    "documents": lambda: repeated("---\na: 1\n", TEN // 8),
    "broken-documents": lambda: repeated("---\n[\n"),
    "wide-characters": lambda: 'a: "\N{GRINNING FACE}' + "x" * (TEN - 64) + '"',
    "ignores": lambda: repeated("# colorfast: ignore CF512\n"),
    "bomb": lambda: (
        "a: &a [x,x,x]\n"
        + "".join(
            f"{'abcdefghijkl'[n]}: &{'abcdefghijkl'[n]} "
            f"[{','.join(['*' + 'abcdefghijkl'[n - 1]] * 40)}]\n"
            for n in range(1, 12)
        )
    ),
    "script": lambda: (
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\n"
        "metadata: {name: a}\nspec:\n  lua:\n    inlineCode: |\n"
        + repeated('      h:headers():add("x-lane", 1)\n')
    ),
    "too-large": lambda: "x" * (TEN + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_findings_within_200_mib(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    path.write_text(HOSTILE[name]())
    lint_it = [str(Path(sys.executable).with_name("colorfast")), "lint", "-o", "json", str(path)]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *lint_it],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    code, peak, _, stderr = json.loads(measured.stdout)
    assert code in (0, 65), stderr
    assert stderr == ""
    assert peak < LIMIT


JUNK: list[object] = [
    None,
    True,
    -1,
    10**30,
    "",
    "x",
    "a|b",
    "[",
    "{{",
    [],
    [[]],
    {},
    {"a": {}},
    ["a", 1],
    1.5,
]


def mutated(data: object, rng: random.Random) -> object:
    if rng.random() < 0.05:
        return rng.choice(JUNK)
    if isinstance(data, dict):
        return {key: mutated(one, rng) for key, one in data.items() if rng.random() > 0.03}
    if isinstance(data, list):
        return [mutated(one, rng) for one in data if rng.random() > 0.03]
    return data


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_objects_with_parts_missing_or_strange_never_raise(path: Path, tmp_path: Path) -> None:
    documents = list(yaml.safe_load_all(path.read_text()))
    rng = random.Random(5)
    file = tmp_path / "f.yaml"
    for _ in range(15):
        file.write_text(yaml.safe_dump_all([mutated(one, rng) for one in documents]))
        lint(read_manifests([str(file)]), istio=Version(1, 20))
