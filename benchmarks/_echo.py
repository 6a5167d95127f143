"""An upstream that tells what it got, and whether that is what a dyed request looks like."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from benchmarks._config import ECHO
from benchmarks._request import HEADERS, Headers, send

_SPOOFED: Headers = (("x-lane", "evil"), ("baggage", "lane=evil ,n=1"))
"""What a client claims on top; none of it may get through."""

_EXPECTED: tuple[tuple[Headers, str], ...] = (
    (HEADERS, "canary"),
    (tuple(header for header in HEADERS if header[0] != "agent"), "base"),
)
"""The lane that each gets: the first by the last rule, the other by none."""


@asynccontextmanager
async def echo_upstream(socket: Path) -> AsyncIterator[None]:
    """Answers each request on *socket* with its own head."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            got = await reader.readuntil(b"\r\n\r\n")
            length = b"content-length: %d\r\n" % len(got)
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + length + b"\r\n" + got)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, str(socket))
    try:
        yield
    finally:
        server.close()


async def why_not_dyed(port: int) -> str:
    """What an upstream behind *port* gets and should not; empty when all is well."""
    for headers, lane in _EXPECTED:
        expected = {"x-lane": [lane], "baggage": [f"lane={lane},tenant=acme,region=eu,n=1"]}
        try:
            status, got = await send(port, ECHO, (*headers, *_SPOOFED))
        except OSError as error:
            return f"no answer: {error or type(error).__name__}"
        if status != 200:
            return f"status {status}"
        for name, lines in expected.items():
            if (seen := _lines(got, name)) != lines:
                return f"{name} is {seen}, not {lines}"
    return ""


def _lines(head: bytes, name: str) -> list[str]:
    pairs = (line.partition(": ") for line in head.decode("latin-1").split("\r\n"))
    return [value for key, _, value in pairs if key.lower() == name]
