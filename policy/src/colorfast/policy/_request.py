"""One request as the rules see it: header lines in, values of attributes out."""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from colorfast.lane import OWS
from colorfast.policy._ir import Attribute, Source


class Request:
    """A request's headers in the shape that Envoy gives them, pseudo-headers included.

    *lines* are (name, value) pairs in order; names are lower-case, ``:method``, ``:path`` and
    ``:authority`` among them. *source_ip* is the client's address as text, without a port.
    """

    __slots__ = ("_cookie_lines", "_cookies", "_query", "headers", "source_ip")

    def __init__(self, lines: Iterable[tuple[str, bytes]], source_ip: str = "") -> None:
        headers: dict[str, bytes] = {}
        cookies = b""
        for name, value in lines:
            if name == "cookie":
                cookies = cookies + b";" + value if cookies else value
            if name in headers:
                headers[name] += b"," + value
            else:
                headers[name] = value
        self.headers: Final = headers
        """Values by name; several lines of one header are joined with ``,`` as Envoy does."""
        self.source_ip: Final = source_ip
        self._cookie_lines = cookies
        self._cookies: dict[bytes, bytes] | None = None
        self._query: dict[bytes, bytes] | None = None

    @property
    def method(self) -> bytes | None:
        """``:method``; methods are case-sensitive (RFC 9110 section 9.1)."""
        return self.headers.get(":method")

    @property
    def path(self) -> bytes:
        """``:path`` up to the first ``?``, as it was sent."""
        return self.headers.get(":path", b"").partition(b"?")[0]

    @property
    def host(self) -> bytes:
        """``:authority`` in lower case, without the port."""
        host = self.headers.get(":authority", b"")
        colon = host.rfind(b":")
        if colon > host.rfind(b"]"):  # inside brackets it is part of an IPv6 address
            host = host[:colon]
        return host.lower()

    @property
    def cookies(self) -> dict[bytes, bytes]:
        """The first cookie of each name: trimmed, not unquoted, not decoded."""
        if self._cookies is None:
            self._cookies = _parse_cookies(self._cookie_lines)
        return self._cookies

    def cookie(self, name: bytes) -> bytes | None:
        """The first cookie called *name*; the others need not be looked at for it."""
        if self._cookies is not None:
            return self._cookies.get(name)
        return _find_cookie(self._cookie_lines, name + b"=") if self._cookie_lines else None

    @property
    def query(self) -> dict[bytes, bytes]:
        """The first query parameter of each name, both percent-decoded."""
        if self._query is None:
            text = self.headers.get(":path", b"").partition(b"?")[2]
            self._query = _parse_query(text) if text else {}
        return self._query


_SEMICOLON: Final = ord(";")

Reader: TypeAlias = Callable[[Request], bytes | None]
"""Takes one attribute out of a request; None when the request has none."""


def reader(attribute: Attribute) -> Reader:
    """How to read *attribute*, worked out once rather than for every request."""
    name = attribute.name
    key = name.encode()
    match attribute.source:
        case Source.HEADER:
            return lambda request: request.headers.get(name)
        case Source.COOKIE:
            return lambda request: request.cookie(key)
        case Source.QUERY:
            return lambda request: request.query.get(key)
        case Source.PATH:
            return lambda request: request.path
        case Source.METHOD:
            return lambda request: request.method
        case Source.HOST:
            return lambda request: request.host
        case Source.SOURCE_IP:
            return lambda request: request.source_ip.encode() or None


def _parse_cookies(line: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for piece in line.split(b";"):
        name, equals, value = piece.strip(OWS).partition(b"=")
        if equals:
            found.setdefault(name, value.strip(OWS))
    return found


def _find_cookie(line: bytes, name: bytes) -> bytes | None:
    """The value of the first piece that starts with *name*, which ends with ``=``.

    Linear: each occurrence of *name* looks back only over the white space before it.
    """
    start = line.find(name)
    while start >= 0:
        before = start
        while before and line[before - 1] in OWS:
            before -= 1
        if not before or line[before - 1] == _SEMICOLON:
            end = line.find(b";", start)
            return line[start + len(name) : len(line) if end < 0 else end].strip(OWS)
        start = line.find(name, start + len(name))
    return None


def _parse_query(text: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for piece in text.split(b"&"):
        name, _, value = piece.partition(b"=")
        found.setdefault(_decode(name), _decode(value))
    return found


def _decode(text: bytes) -> bytes:
    # RFC 3986 section 2.1: `+` is an ordinary octet, and a broken escape stays as it is.
    return unquote_to_bytes(text) if b"%" in text else text
