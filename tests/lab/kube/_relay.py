"""A TCP peer between a client and the API server, which can stop passing anything on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 1 << 16


class Relay:
    """Listens on loopback; what comes is passed on to *url*, and back."""

    def __init__(self, url: str) -> None:
        self.url = ""
        self._to = urlsplit(url)
        self._mute: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        """Listen."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"{self._to.scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    def go_mute(self) -> int:
        """Pass on nothing more over connections that there are, and close none: their number."""
        self._mute |= self._open
        return len(self._open) // 2

    async def end(self) -> None:
        """Close every connection."""
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        for writer in self._open:
            writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond, there = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open |= {writer, there}
        for source, sink in ((reader, there), (beyond, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._passing.add(task)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(_CHUNK):
                if sink not in self._mute:
                    sink.write(data)
                    await sink.drain()
        if sink not in self._mute:
            sink.close()
            self._open.discard(sink)


@asynccontextmanager
async def relaying(url: str) -> AsyncIterator[Relay]:
    """A relay to *url* until the block ends."""
    relay = Relay(url)
    server = await relay.start()
    try:
        yield relay
    finally:
        server.close()
        await relay.end()
