"""A processor on gRPC and nothing else: no health, no admin HTTP, no file to watch, no drain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from colorfast.extproc._address import Address
from colorfast.extproc._processor import Processor
from colorfast.extproc._settings import TRANSPORT
from colorfast.extproc._transport import TransportName
from colorfast.extproc._transports import transport


@asynccontextmanager
async def answering(
    processor: Processor, address: str, name: TransportName = TRANSPORT
) -> AsyncIterator[None]:
    """*processor* at *address*, ``host:port`` or ``unix:/path``, for as long as the block lasts.

    *name* is the transport. Raises ColorfastError (CF601) when nobody can listen there.
    """
    serving = transport(name, processor)
    await serving.start(Address.parse(address))
    try:
        yield
    finally:
        await serving.stop(None)
