"""What every command shares: reading input, printing findings, exit codes."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from colorfast.policy import ColorfastError, Diagnostic, Loaded, load_policy

OK: Final = 0
OTHER: Final = 1
USAGE: Final = 64
BAD_INPUT: Final = 65

STDIN: Final = "-"

output_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the result on stdout.",
)


def read_text(path: str) -> str:
    """The text of *path*, or of stdin for ``-``. Raises ColorfastError CF110."""
    try:
        data = sys.stdin.buffer.read() if path == STDIN else _read_file(path)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ColorfastError(
            "CF110",
            f"{path}: byte {error.start} is not UTF-8",
            fix="save the file as UTF-8",
        ) from None
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        why = getattr(error, "strerror", None) or error
        raise ColorfastError("CF110", f"{path}: {why}") from None


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 (a Path would turn "" into ".")
        return file.read()


def read_policy(path: str) -> Loaded:
    """Load a LanePolicy; its warnings go to stderr. Raises InvalidInput, ColorfastError."""
    loaded = load_policy(read_text(path), file=shown(path))
    report(loaded.diagnostics)
    return loaded


def shown(path: str) -> str:
    """How *path* is called in findings."""
    return "<stdin>" if path == STDIN else path


def report(diagnostics: Iterable[Diagnostic]) -> None:
    """Print findings on stderr."""
    for diagnostic in diagnostics:
        click.echo(str(diagnostic), err=True)


def print_json(value: object) -> None:
    """Print *value* as JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
