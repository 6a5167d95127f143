"""``colorfast version``."""

import platform
from importlib.metadata import version as version_of

import click

from colorfast.cli._output import output_option, print_json


@click.command()
@output_option
def version(output: str) -> None:
    """Print the version."""
    ours = version_of("colorfast")
    if output == "json":
        print_json({"version": ours, "python": platform.python_version()})
    else:
        click.echo(f"colorfast {ours}")
