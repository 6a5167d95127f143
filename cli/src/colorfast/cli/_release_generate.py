"""``colorfast release generate``."""

import os
from pathlib import Path

import click

from colorfast.cli._output import OK, report
from colorfast.cli._release_file import controller_option, read_release
from colorfast.k8s import Record, write_folder
from colorfast.release import Controller
from colorfast.release.generate import generate


@click.command("generate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=False))
@controller_option
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder that the files go to.",
)
def generate_command(file: str, controller: Controller | None, folder: Path) -> int:
    """Write the objects by which a controller plays a release, and a runbook.

    FILE is a LaneRelease. There is a folder for each step of the plan, to be applied in this order,
    and a file for each object. Files of an earlier run that are not needed any more are removed;
    other files are left alone. colorfast diff shows what another run would change.
    """
    made = generate(read_release(file, controller))
    report(made.diagnostics)
    record = Record(
        release=os.path.relpath(file, folder),
        options={"controller": controller} if controller else {},
        files=tuple(made.files),
    )
    removed = write_folder(folder, record, made.files)
    for name in made.files:
        click.echo(folder / name)
    for name in removed:
        click.echo(f"removed {folder / name}", err=True)
    return OK


def generated_again(folder: Path, record: Record) -> dict[str, str]:
    """The files that another run would write into *folder*."""
    file = os.path.normpath(folder / record.release)
    return generate(read_release(file, record.options.get("controller"))).files
