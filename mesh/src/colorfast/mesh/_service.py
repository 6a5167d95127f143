"""The ext_proc service as a process of a mesh: ``python -m ... POLICY SOCKET ADMIN_SOCKET``."""

import asyncio
import sys

from colorfast.extproc import Settings, serve
from colorfast.policy import ColorfastError


def main(policy: str, socket: str, admin: str) -> int:
    """Serve until SIGTERM. Returns the exit status."""
    settings = Settings(
        policy=policy,
        listen=f"unix:{socket}",
        admin=f"unix:{admin}",
        # No load balancer has to notice first, and whoever edits the policy is watching.
        drain_delay=0,
        grace=1,
        poll=0.2,
    )
    try:
        asyncio.run(serve(settings))
    except ColorfastError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
