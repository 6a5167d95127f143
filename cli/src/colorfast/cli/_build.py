"""``colorfast build`` and ``colorfast diff``."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from colorfast.cli._output import OK, OTHER, read_policy, read_text, report, shown
from colorfast.cli._release_generate import generated_again
from colorfast.k8s import (
    BACKENDS,
    ROUTES,
    BuildOptions,
    Built,
    Record,
    Version,
    build,
    diff_folder,
    read_record,
    write_folder,
)
from colorfast.policy import ColorfastError, load_mesh

_DEFAULTS = BuildOptions()


def _version(_: click.Context, __: click.Parameter, value: str) -> Version:
    try:
        return Version.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("build")
@click.argument("mesh")
@click.argument("policy")
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder that the files go to.",
)
@click.option(
    "--routes",
    type=click.Choice(ROUTES),
    default=_DEFAULTS.routes,
    show_default=True,
    help="The API that lane routes are written in.",
)
@click.option(
    "--dye",
    type=click.Choice(BACKENDS),
    default=_DEFAULTS.dye,
    show_default=True,
    help="What decides at the gateways.",
)
@click.option(
    "--fallback",
    type=click.Choice(["none", "lua", "native"]),
    default=_DEFAULTS.fallback,
    show_default=True,
    help="What decides there while the service fails.",
)
@click.option(
    "--carry",
    type=click.Choice(BACKENDS),
    default=_DEFAULTS.carry,
    show_default=True,
    help="What carries the dye at every hop.",
)
@click.option(
    "--waypoint",
    metavar="NAME",
    help="In an ambient mesh: the name of each namespace's waypoint, which carries the dye.",
)
@click.option(
    "--service",
    default=_DEFAULTS.service,
    show_default=True,
    help="Where proxies find the service, host:port.",
)
@click.option(
    "--image",
    default=_DEFAULTS.image,
    show_default=True,
    help="With wasm: where the control plane finds the plugin.",
)
@click.option(
    "--istio-version",
    "istio",
    default=str(_DEFAULTS.istio),
    show_default=True,
    callback=_version,
    help="The Istio that the files are for.",
)
def build_command(mesh: str, policy: str, folder: Path, **chosen: Any) -> int:
    """Write everything that a mesh needs: the filters of every proxy, and the lane routes.

    MESH is a LaneMesh file and POLICY a LanePolicy file. Each object gets a file of its own. Files
    of an earlier build that are not needed any more are removed; other files are left alone.
    """
    options = _options(chosen)
    built = _built(mesh, policy, options)
    record = Record(
        mesh=os.path.relpath(mesh, folder),
        policy=os.path.relpath(policy, folder),
        options=_written(options),
        files=tuple(built.files),
    )
    removed = write_folder(folder, record, built.files)
    for name in built.files:
        click.echo(folder / name)
    for name in removed:
        click.echo(f"removed {folder / name}", err=True)
    return OK


@click.command("diff")
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
def diff_command(folder: Path) -> int:
    """Show what a rebuild of FOLDER, or another release generate, would change: a unified diff.

    The folder's record knows the files and options that it was built from. Exits with 1 when there
    is a difference.
    """
    record = read_record(folder)
    if record is None:
        raise ColorfastError(
            "CF441",
            f"{folder} has no record of a build",
            fix="build it with colorfast build first",
        )
    files = generated_again(folder, record) if record.release else _built_again(folder, record)
    lines = list(diff_folder(folder, record, files))
    for line in lines:
        click.echo(line)
    return OTHER if lines else OK


def _built_again(folder: Path, record: Record) -> dict[str, str]:
    options = _options(record.options | {"istio": Version.parse(record.options["istio"])})
    return _built(str(folder / record.mesh), str(folder / record.policy), options).files


def _options(chosen: dict[str, Any]) -> BuildOptions:
    fallback = chosen.get("fallback")
    return BuildOptions(**chosen | {"fallback": None if fallback == "none" else fallback})


def _written(options: BuildOptions) -> dict[str, Any]:
    return asdict(options) | {"istio": str(options.istio)}


def _built(mesh: str, policy: str, options: BuildOptions) -> Built:
    loaded_mesh = load_mesh(read_text(mesh), file=shown(mesh))
    loaded = read_policy(policy)
    try:
        built = build(loaded.policy, loaded_mesh, options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    report(built.diagnostics)
    return built
