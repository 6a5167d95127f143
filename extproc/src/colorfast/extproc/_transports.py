"""The transports by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from colorfast.extproc.http2 import Http2Transport

if TYPE_CHECKING:
    from colorfast.extproc._health import Health
    from colorfast.extproc._listening import Door
    from colorfast.extproc._processor import Processor
    from colorfast.extproc._transport import Transport, TransportName


def transport(
    name: TransportName,
    processor: Processor,
    health: Health | None = None,
    door: Door | None = None,
) -> Transport:
    """The transport called *name*, not started yet; *door* says how its address is opened."""
    if name == "http2":
        return Http2Transport(processor, health, door=door)
    # Its import alone takes longer than everything else at a start.
    from colorfast.extproc._service import GrpcioTransport  # noqa: PLC0415

    return GrpcioTransport(processor, health, door=door)
