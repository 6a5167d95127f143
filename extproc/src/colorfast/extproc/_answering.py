"""A processor on gRPC and nothing else: no admin HTTP, no file to watch, no drain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from colorfast.extproc._processor import Processor
from colorfast.extproc._service import OPTIONS, ExternalProcessor


@asynccontextmanager
async def answering(processor: Processor, address: str) -> AsyncIterator[None]:
    """*processor* at *address*, ``host:port`` or ``unix:/path``, for as long as the block lasts.

    Raises RuntimeError when gRPC cannot listen there.
    """
    server = grpc.aio.server(options=OPTIONS)
    external = ExternalProcessor(processor)
    server.add_generic_rpc_handlers((external.handler(),))
    server.add_insecure_port(address)
    await server.start()
    try:
        yield
    finally:
        await server.stop(grace=None)
        await external.settled()
