"""``python -m colorfast.mesh [--once] [--port N]``: the demo without the command line tool."""

import argparse
import asyncio
import sys
from pathlib import Path

from colorfast.mesh import DEFAULT_MESH, DEFAULT_POLICY, run_demo
from colorfast.policy import ColorfastError


def main() -> int:
    """Run the demo; errors go to stderr. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m colorfast.mesh", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check the paths and exit")
    parser.add_argument("--port", type=int, default=0, help="port of the gateway; default: free")
    parser.add_argument("--policy", type=Path, default=DEFAULT_POLICY, help="LanePolicy file")
    parser.add_argument("--mesh", type=Path, default=DEFAULT_MESH, help="LaneMesh file")
    parser.add_argument("--keep", action="store_true", help="leave configuration and logs behind")
    options = parser.parse_args()
    try:
        return asyncio.run(run_demo(out=sys.stdout, **vars(options)))
    except (ColorfastError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
