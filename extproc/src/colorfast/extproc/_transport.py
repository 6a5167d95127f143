"""What a transport is: it listens, and calls one processor and one health for whoever calls it.

There are two. ``http2`` is this project's own HTTP/2, made for this one service. ``grpcio`` is
Google's; it is the reference, and is imported only where it is chosen.
"""

from typing import Final, Literal, Protocol, TypeAlias

from colorfast.extproc._address import Address

TransportName: TypeAlias = Literal["http2", "grpcio"]

MAX_MESSAGE: Final = 1 << 20
"""Bytes of the largest message that is read. Envoy limits request headers to 60 KiB by default."""


class Transport(Protocol):
    """gRPC under the service."""

    async def start(self, address: Address) -> Address:
        """Listen at *address*; where that is, with the port that was bound.

        Raises ColorfastError (CF601).
        """
        ...

    async def stop(self, grace: float | None) -> None:
        """Refuse new streams; end those that have not ended by themselves after *grace* seconds.

        None is at once. May be called again while it waits, to wait no longer.
        """
        ...
