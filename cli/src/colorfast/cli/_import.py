"""``colorfast import``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from colorfast.cli._output import BAD_INPUT, OK, print_json, read_text, shown
from colorfast.k8s.importers import SYSTEMS, Imported, dump, import_text, importer


@click.command("import")
@click.argument("system", type=click.Choice(SYSTEMS))
@click.argument("file")
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the files, instead of stdout.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="ID",
    help="With higress: a user whose side of a percentage is to stay. May be repeated.",
)
@click.option("--strict", is_flag=True, help="Fail when something has no equal.")
@click.option(
    "-o",
    "report",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The report as text on stderr, or with the documents as JSON on stdout.",
)
def import_command(
    system: str,
    file: str,
    folder: Path | None,
    users: tuple[str, ...],
    strict: bool,
    report: str,
) -> int:
    """Make a LanePolicy, and where there are services a LaneMesh, of another system's FILE.

    FILE is YAML or JSON, or - for stdin. The report says what has no equal here, or is not quite
    the same, each with its place in FILE.
    """
    if users and system != "higress":
        raise click.UsageError("--user goes with higress")
    result = import_text(importer(system, users=users), read_text(file), file=shown(file))
    written = _write(folder, system, result.documents) if folder is not None else []
    if report == "json":
        print_json(_as_json(result, written))
    else:
        for one in result.findings:
            click.echo(str(one), err=True)
        if folder is None and result.documents:
            click.echo(f"# From {shown(file)}, {system}. Read the report before you use it.")
            click.echo(dump(result.documents), nl=False)
        for path in written:
            click.echo(path)
    return BAD_INPUT if result.refused or (strict and result.lossy) else OK


def _write(folder: Path, system: str, documents: Iterable[dict[str, Any]]) -> list[str]:
    written = []
    for one in documents:
        kind = "policy" if one["kind"] == "LanePolicy" else "mesh"
        path = folder / f"{one['metadata']['name']}.{kind}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# From {system}.\n" + dump([one]), encoding="utf-8")
        written.append(str(path))
    return written


def _as_json(result: Imported, written: list[str]) -> dict[str, Any]:
    return {
        "documents": list(result.documents),
        "files": written,
        "findings": [one.as_json() for one in result.findings],
    }
