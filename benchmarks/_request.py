"""The request that everything is measured with, and a client that sends it once."""

import asyncio
from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]

HEADERS: Headers = (
    ("host", "shop.example.com"),
    ("user-agent", "curl/8.5.0"),
    ("accept", "*/*"),
    ("agent", "pc"),
    ("baggage", "tenant=acme,region=eu"),  # to be merged with, as it is behind most tracers
)
"""Matched by the last of ten-rules.yaml."""

_WITHIN = 10.0
"""Seconds that one request may take."""


def head(path: str, headers: Headers = HEADERS) -> bytes:
    """A GET request, HTTP/1.1."""
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode()


async def send(port: int, path: str, headers: Headers = HEADERS) -> tuple[int, bytes]:
    """Status and body. Raises OSError (TimeoutError is one) when there is no answer."""
    async with asyncio.timeout(_WITHIN):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(head(path, (*headers, ("connection", "close"))))
            answer = await reader.read()
        finally:
            writer.close()
    first, _, body = answer.partition(b"\r\n\r\n")
    status = first[9:12]  # after "HTTP/1.1 "
    return (int(status) if status.isdigit() else 0), body
