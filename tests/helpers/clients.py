"""Clients that say exactly what a test wants said, over HTTP/1.1 and HTTP/2."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

import h2.config
import h2.connection
import h2.events

from helpers.envoys import Seen, connect

Line = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer's *status* and *body*; status 0 when the stream was reset."""

    status: int
    body: bytes = b""
    fields: Mapping[bytes, bytes] = field(default_factory=dict)
    """Header fields by their lower-case names, of HTTP/1.1 only."""

    @property
    def seen(self) -> Seen:
        """What the echoing upstream saw of the request."""
        assert self.status == 200, (self.status, self.body[:300])
        upstream, _, head = self.body.partition(b"\n")
        pairs = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        lines = tuple((name, value[1:]) for name, _, value in pairs)
        return Seen(upstream=upstream.decode(), lines=lines)


class Client(Protocol):
    """Sends a GET with these header lines to the server on a Unix socket."""

    def __call__(self, path: str, lines: Sequence[Line], *, target: bytes = b"/") -> Reply: ...


class Http1:
    """A connection that is kept alive. Header lines are sent as they are."""

    def __init__(self, path: str) -> None:
        self._socket = connect(path)
        self._reader = self._socket.makefile("rb")

    def write(self, lines: Sequence[Line], *, target: bytes = b"/") -> None:
        """Send a GET, without waiting for anything."""
        head = [b"GET %s HTTP/1.1" % target, b"host: shop.example.com"]
        head += [name + b": " + value for name, value in lines]
        self._socket.sendall(b"\r\n".join(head) + b"\r\n\r\n")

    def read(self) -> Reply:
        """The next answer."""
        status = int(self._reader.readline().split()[1])
        fields: dict[bytes, bytes] = {}
        while line := self._reader.readline().strip():
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        body = self._reader.read(int(fields.get(b"content-length", b"0")))
        return Reply(status=status, body=body, fields=fields)

    def ask(self, lines: Sequence[Line], *, target: bytes = b"/") -> Reply:
        """Send a GET and wait for its answer."""
        self.write(lines, target=target)
        return self.read()

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


def http1(path: str, lines: Sequence[Line], *, target: bytes = b"/") -> Reply:
    with closing(Http1(path)) as client:
        return client.ask(lines, target=target)


def http2(path: str, lines: Sequence[Line], *, target: bytes = b"/") -> Reply:
    """By prior knowledge. Header lines are sent as they are, whatever HTTP/2 says of them."""
    pseudo = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", target)]
    pseudo.append((b":authority", b"shop.example.com"))
    config = h2.config.H2Configuration(
        header_encoding=None, normalize_outbound_headers=False, validate_outbound_headers=False
    )
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    connection.send_headers(1, [*pseudo, *lines], end_stream=True)
    with connect(path) as sock:
        sock.sendall(connection.data_to_send())
        return _answer(connection, sock)


def _answer(connection: h2.connection.H2Connection, sock: Any) -> Reply:
    status, body = 0, b""
    while data := sock.recv(65536):
        for event in connection.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    status = int(dict(event.headers)[b":status"])
                case h2.events.DataReceived():
                    body += event.data
                case h2.events.StreamEnded():
                    return Reply(status=status, body=body)
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    return Reply(status=0)
        sock.sendall(connection.data_to_send())
    return Reply(status=0)


def at_once(client: Client, path: str, requests: Iterable[Sequence[Line]]) -> list[Reply]:
    """The answers to *requests*, each on a connection of its own, all sent at the same time."""
    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda lines: client(path, lines), requests))
