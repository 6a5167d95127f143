"""The requests that everything is measured with, and a client that sends one once."""

import asyncio
from collections.abc import Mapping
from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]

CURL: Headers = (
    ("host", "shop.example.com"),
    ("user-agent", "curl/8.5.0"),
    ("accept", "*/*"),
    ("agent", "pc"),
)
"""Matched by the last of ten-rules.yaml, as are the others."""

BAGGAGE = ("baggage", "tenant=acme,region=eu")
"""To be merged with, as it is behind most tracers."""

HEADERS: Headers = (*CURL, BAGGAGE)

_BROWSER: Headers = (
    ("host", "shop.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("upgrade-insecure-requests", "1"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "none"),
    ("referer", "https://shop.example.com/products?page=2"),
    ("agent", "pc"),
)

_MORE: Headers = tuple((f"x-header-{i}", f"some value of a header, number {i}") for i in range(30))

_COOKIE = ("cookie", "session=0123456789abcdef; uid=u123; theme=dark")
_LONG_COOKIE = ("cookie", "; ".join(f"key-{i:03}={'v' * 70}" for i in range(102)))

DISTINCT = 4096
"""Paths that requests take in turn, so that nobody gets the same request soon again.

Our service remembers answers to messages; figures that the memory makes are shown on their own.
"""

AGAIN = "curl, one request again and again"
"""The shape that has one path only."""

SHAPES: Mapping[str, Headers] = {
    "curl": CURL,
    AGAIN: CURL,
    "curl and baggage": HEADERS,
    "browser": (*_BROWSER, _COOKIE),
    "browser, 30 more headers": (*_BROWSER, _COOKIE, *_MORE),
    "browser, 8 KiB cookie": (*_BROWSER, _LONG_COOKIE),
}
"""By name."""


def path_of(number: int) -> str:
    """The path of a request, one of ``DISTINCT``."""
    return f"/item/{number:04}"


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
