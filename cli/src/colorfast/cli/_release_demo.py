"""``colorfast release demo``."""

import asyncio
import sys
from pathlib import Path

import click

from colorfast.cli._release_file import controller_option, read_release
from colorfast.release import Controller


@click.command("demo")
@click.argument("file", required=False)
@controller_option
@click.option(
    "--break",
    "broken",
    type=click.Choice(["order"]),
    help="Do it wrongly: order finishes the entrance first, and shows verify's counterexample.",
)
@click.option(
    "--give-up-after",
    type=int,
    metavar="STEP",
    help="Go back after this step of the plan, by the plan's rollback.",
)
@click.option(
    "--rate",
    type=click.FloatRange(1, 1000),
    default=40,
    show_default=True,
    help="Requests a second.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, 100_000),
    default=120,
    show_default=True,
    help="How many of them each step gets at least, at each entrance.",
)
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the shares over time as a picture, too.",
)
@click.option("--keep", is_flag=True, help="Leave configuration and logs behind.")
def demo_command(
    file: str | None,
    controller: Controller | None,
    broken: str | None,
    give_up_after: int | None,
    rate: float,
    requests: int,
    svg: Path | None,
    keep: bool,
) -> int:
    """Play a release step by step in a mesh of real Envoys, under constant load.

    FILE is a LaneRelease; without it a release of three services is played. Shows for each step
    the share that was asked for and the share that was seen, and how many requests met both
    versions, escaped or failed. Exits with 1 when that is not what colorfast release verify says.
    """
    # Here, for `colorfast release verify` need not pay for a mesh.
    from colorfast.mesh.release import (  # noqa: PLC0415
        DEFAULT_RELEASE,
        Demo,
        run_release_demo,
    )

    release = read_release(file or str(DEFAULT_RELEASE), controller)
    demo = Demo(
        rate=rate,
        requests=requests,
        break_order=broken == "order",
        give_up_after=give_up_after,
        svg=svg,
        keep=keep,
    )
    return asyncio.run(run_release_demo(release, demo, sys.stdout))
