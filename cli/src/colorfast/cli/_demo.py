"""``colorfast demo``."""

import asyncio
import sys
from pathlib import Path

import click

from colorfast.mesh import DEFAULT_MESH, DEFAULT_POLICY, run_demo

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--once", is_flag=True, help="Check the paths and exit: 0 only if all were right.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The gateway's port.  [default: a free one]",
)
@click.option("--policy", type=_file, default=DEFAULT_POLICY, help="Another LanePolicy.")
@click.option("--mesh", type=_file, default=DEFAULT_MESH, help="Another LaneMesh.")
@click.option("--keep", is_flag=True, help="Leave configuration and logs behind.")
def demo(once: bool, port: int, policy: Path, mesh: Path, keep: bool) -> int:
    """Run a mesh of real Envoys on this machine and watch the dye travel.

    A gateway, a sidecar for each workload, sample applications and the ext_proc service, all on
    loopback. Sample requests show their paths; then it serves until Ctrl-C.
    """
    return asyncio.run(
        run_demo(once=once, out=sys.stdout, port=port, mesh=mesh, policy=policy, keep=keep)
    )
