"""``colorfast test``."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from xml.etree import ElementTree as ET

import click

from colorfast.cli._output import (
    BAD_INPUT,
    OK,
    OTHER,
    output_option,
    print_json,
    read_text,
    report,
    shown,
)
from colorfast.policy import (
    ColorfastError,
    Diagnostic,
    Difference,
    InvalidInput,
    Observed,
    VectorFile,
    VectorModel,
    differences,
    load_vectors,
    observe_reference,
)

if TYPE_CHECKING:
    from colorfast.envoy import Backend

_WIDEST = 400
"""Characters of a value that are shown; JSON has all of them."""

BACKENDS = ("reference", "extproc", "lua", "wasm", "native")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    file: str
    vector: str
    backend: str
    differences: tuple[Difference, ...] = ()
    inexpressible: tuple[Diagnostic, ...] = ()
    """Why the backend cannot express the policy, or treat such a request as it says."""


@click.command("test")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--backend",
    "backends",
    type=click.Choice([*BACKENDS, "all"]),
    multiple=True,
    default=["reference"],
    show_default=True,
    help="Who must pass; all but the reference run behind a real Envoy. May be repeated.",
)
@click.option("--junit", type=click.Path(dir_okay=False), help="Write JUnit XML to this file, too.")
@output_option
def test_command(
    files: tuple[str, ...], backends: tuple[str, ...], junit: str | None, output: str
) -> int:
    """Run conformance vectors: whether each request gets what its vector expects.

    FILE is a vector file, or - for stdin.
    """
    loaded = _load(files)
    if loaded is None:
        return BAD_INPUT
    started = time.monotonic()
    chosen = BACKENDS if "all" in backends else tuple(dict.fromkeys(backends))
    results = [result for backend in chosen for result in _run(backend, loaded)]
    failed = sum(bool(result.differences) for result in results)
    if junit is not None:
        _write_junit(junit, results, time.monotonic() - started)
    if output == "json":
        print_json([_as_json(result) for result in results])
    else:
        _print(results)
        not_told = sum(bool(result.inexpressible) for result in results)
        skipped = f", {not_told} not expressible" if not_told else ""
        click.echo(f"{len(results) - failed - not_told} passed, {failed} failed{skipped}")
    return OTHER if failed else OK


def _load(files: Iterable[str]) -> list[VectorFile] | None:
    loaded, broken = [], False
    for path in files:
        folder = Path(path).parent
        try:
            file = load_vectors(
                read_text(path),
                file=shown(path),
                read=lambda name, folder=folder: read_text(str(folder / name)),  # type: ignore[misc]
            )
        except InvalidInput as error:
            report(error.diagnostics)
            broken = True
        except ColorfastError as error:
            click.echo(str(error), err=True)
            broken = True
        else:
            report(file.diagnostics)
            loaded.append(file)
    return None if broken else loaded


def _run(backend: str, files: list[VectorFile]) -> Iterable[_Result]:
    observations = _observe(backend, files)
    for file, observed in zip(files, observations, strict=True):
        if isinstance(observed, InvalidInput):
            for vector in file.vectors:
                yield _Result(
                    file=file.file,
                    vector=vector.name,
                    backend=backend,
                    inexpressible=observed.diagnostics,
                )
            continue
        for vector, one in zip(file.vectors, observed, strict=True):
            found = differences(vector, one)
            beyond = _beyond(backend, file, vector) if found else ()
            yield _Result(
                file=file.file,
                vector=vector.name,
                backend=backend,
                differences=() if beyond else found,
                inexpressible=beyond,
            )


def _beyond(backend: str, file: VectorFile, vector: VectorModel) -> tuple[Diagnostic, ...]:
    """What the compiler has said of requests like that of *vector*."""
    if backend != "native":
        return ()
    from colorfast.envoy import beyond_native  # noqa: PLC0415 (the reference needs none of it)

    return beyond_native(file.policy, vector.station, vector.request.headers)


def _observe(backend: str, files: list[VectorFile]) -> Sequence[Sequence[Observed] | InvalidInput]:
    if backend == "reference":
        return [[observe_reference(file.policy, v) for v in file.vectors] for file in files]
    from colorfast.mesh.conformance import observe_in_envoy  # noqa: PLC0415 (needs Envoy)

    return asyncio.run(observe_in_envoy(files, cast("Backend", backend)))


def _print(results: Iterable[_Result]) -> None:
    for result in results:
        verdict = "FAIL" if result.differences else "n/a " if result.inexpressible else "ok  "
        click.echo(f"{verdict} {result.backend:9} {result.file}: {result.vector}")
        for difference in result.differences:
            click.echo(f"       {difference.what}")
            click.echo(f"         expected {_short(difference.expected)}")
            click.echo(f"         got      {_short(difference.observed)}")
        for diagnostic in result.inexpressible:
            click.echo(f"       {diagnostic.code}: {diagnostic.what}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}... ({len(text):,} characters)"


def _as_json(result: _Result) -> dict[str, object]:
    return {
        "file": result.file,
        "vector": result.vector,
        "backend": result.backend,
        "passed": not result.differences and not result.inexpressible,
        "inexpressible": [diagnostic.code for diagnostic in result.inexpressible],
        "differences": [
            {"what": d.what, "expected": d.expected, "observed": d.observed}
            for d in result.differences
        ],
    }


def _write_junit(path: str, results: list[_Result], seconds: float) -> None:
    failures = sum(bool(result.differences) for result in results)
    root = ET.Element("testsuites")
    suite = ET.SubElement(
        root,
        "testsuite",
        name="colorfast",
        tests=str(len(results)),
        failures=str(failures),
        errors="0",
        time=f"{seconds:.3f}",
    )
    for result in results:
        classname = f"{result.backend}.{result.file}"
        case = ET.SubElement(suite, "testcase", classname=classname, name=result.vector)
        if result.differences:
            text = "\n".join(map(str, result.differences))
            ET.SubElement(case, "failure", message=text.partition("\n")[0]).text = text
        elif result.inexpressible:
            ET.SubElement(case, "skipped", message=result.inexpressible[0].what)
    ET.indent(root)
    Path(path).write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
