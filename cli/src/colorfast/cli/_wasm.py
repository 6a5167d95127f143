"""``colorfast wasm``: the proxy-wasm plugin as a file and as an image."""

from pathlib import Path

import click

from colorfast.wasm import path, write_image


@click.group("wasm")
def wasm_command() -> None:
    """Get the Wasm plugin, which every policy configures and none changes."""


@wasm_command.command("path")
def path_command() -> None:
    """Print where the plugin's file is. In a checkout it is built first, when it has to be."""
    click.echo(path())


@wasm_command.command("image")
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder that the image layout goes to.",
)
@click.option(
    "--tag", default="latest", show_default=True, help="The image's name within the layout."
)
def image_command(folder: Path, tag: str) -> None:
    """Write the plugin as an OCI image layout.

    Prints the image's digest; the same plugin gives the same one. Push the layout with any registry
    tool, and let a WasmPlugin or an EnvoyExtensionPolicy load it from there.
    """
    click.echo(write_image(folder, tag=tag))
