"""TCP ports of loopback that belong to this process until a child listens on them.

Theory of operation. A socket that is bound but does not listen takes no connections, yet keeps its
port from everybody else: the kernel gives a port that is in use neither to who asks for any port,
nor to who asks for this one without SO_REUSEPORT. Envoy sets SO_REUSEPORT on its listeners, so it
may listen on a port that we hold. There is no moment in which the port is free.
"""

import contextlib
import errno
import socket
import sys
from typing import Self

from colorfast.mesh._errors import port_taken

LOOPBACK = "127.0.0.1"

_CAN_SHARE = sys.platform == "linux"  # elsewhere Envoy listens without SO_REUSEPORT


class Ports:
    """Reserves ports; use it as a context manager."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def reserve(self, port: int = 0) -> int:
        """*port*, or a free one for 0. Raises ColorfastError (CF611) when it is taken."""
        try:
            if port:
                _probe(port)
            holder = self._held.enter_context(socket.socket())
            if _CAN_SHARE:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind((LOOPBACK, port))
        except OSError as error:
            raise port_taken(port, _reason(error)) from None
        return int(holder.getsockname()[1])

    def hand_over(self) -> None:
        """Let the children listen. Where ports cannot be shared, a moment without holder begins."""
        if not _CAN_SHARE:
            self._held.close()


def _probe(port: int) -> None:
    # Without SO_REUSEPORT: the listener of another Envoy of this user must count as taken too.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT does not count
        probe.bind((LOOPBACK, port))


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another process listens there"
    return error.strerror or str(error)
