"""``colorfast release``."""

import sys
from typing import Final, Self

import click

from colorfast.cli._output import OK, OTHER, print_json
from colorfast.cli._release_demo import demo_command
from colorfast.cli._release_file import controller_option, read_release
from colorfast.cli._release_generate import generate_command
from colorfast.release import Controller, plan, plan_json, plan_mermaid, plan_text
from colorfast.release.verify import verdict_json, verdict_text, verify


@click.group("release")
def release_group() -> None:
    """Plan releases of several services, and prove them before they run."""


release_group.add_command(generate_command)
release_group.add_command(demo_command)


@release_group.command("plan")
@click.argument("file")
@controller_option
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "mermaid"]),
    default="text",
    show_default=True,
    help="How to print the plan on stdout.",
)
def plan_command(file: str, controller: Controller | None, output: str) -> int:
    """Say what to do in which order, why, and how to go back.

    FILE is a LaneRelease, or - for stdin.
    """
    made = plan(read_release(file, controller))
    match output:
        case "json":
            print_json(plan_json(made))
        case "mermaid":
            click.echo(plan_mermaid(made), nl=False)
        case _:
            click.echo(plan_text(made), nl=False)
    return OK


@release_group.command("verify")
@click.argument("file")
@controller_option
@click.option(
    "--any-order",
    is_flag=True,
    help="Let every service and the dye go on by themselves, whatever the plan waits for.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the verdict on stdout.",
)
def verify_command(file: str, controller: Controller | None, any_order: bool, output: str) -> int:
    """Look at every state that a release can reach, and say what breaks in one.

    FILE is a LaneRelease, or - for stdin. Exits with 1 when something breaks.
    """
    release = read_release(file, controller)
    with _Bar() as bar:
        verdict = verify(release, any_order=any_order, progress=bar.show)
    if output == "json":
        print_json(verdict_json(verdict))
    else:
        click.echo(verdict_text(verdict), nl=False)
    return OK if verdict.safe else OTHER


class _Bar:
    """A progress bar on stderr, where that is a terminal."""

    _CELLS: Final = 30

    def __init__(self) -> None:
        self._seen = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._seen:
            click.echo("\r\x1b[K", err=True, nl=False)

    def show(self, done: int, total: int, states: int) -> None:
        """*done* of *total* groups of services, *states* in all."""
        if self._seen:
            cells = self._CELLS * done // max(total, 1)
            bar = "#" * cells + "." * (self._CELLS - cells)
            click.echo(f"\r[{bar}] {done}/{total}, {states:,} states", err=True, nl=False)
