"""The LaneRelease that a command is about, and the files that it names."""

from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, Final

import click

from colorfast.cli._output import STDIN, read_text, report, shown
from colorfast.policy import ColorfastError, Diagnostic, InvalidInput
from colorfast.release import CONTROLLERS, Controller, Release, load_release

controller_option: Final[Callable[[Callable[..., Any]], Callable[..., Any]]] = click.option(
    "--controller",
    type=click.Choice(CONTROLLERS),
    help="Who changes the pods, in place of the file's controller.",
)


def read_release(path: str, controller: Controller | None) -> Release:
    """Load a LaneRelease and the files that it names, seen from its folder.

    Warnings go to stderr. Raises InvalidInput, ColorfastError.
    """
    folder = PurePath("" if path == STDIN else path).parent
    loaded = load_release(
        read_text(path),
        read=lambda name: read_text(str(folder / name)),
        file=shown(path),
        controller=controller,
    )
    report(loaded.diagnostics)
    return loaded.release


def release_findings(text: str, file: str) -> tuple[Diagnostic, ...]:
    """What is wrong with the LaneRelease *text*, and with the files that it names."""
    folder = PurePath(file).parent
    try:
        return load_release(
            text, read=lambda name: _read_regular(str(folder / name)), file=file
        ).diagnostics
    except InvalidInput as error:
        return error.diagnostics


def _read_regular(path: str) -> str:
    # Whoever lints a folder has not looked at what its releases name: no pipe is waited for.
    if path == STDIN or (Path(path).exists() and not Path(path).is_file()):
        raise ColorfastError("CF110", f"{path}: it is not a file")
    return read_text(path)
