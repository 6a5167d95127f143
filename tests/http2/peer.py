"""A client in bytes, for tests that say exactly which frames come, and read exactly what goes out."""

from collections.abc import Iterable, Sequence
from struct import pack
from typing import NamedTuple

import hpack

from colorfast.extproc.http2 import Calls, Limits, Method, Page, Plan, Refusal
from colorfast.extproc.http2._calls import CallStream
from colorfast.extproc.http2._frames import HEAD, PREFACE, SETTING, frame
from colorfast.extproc.http2._grpc import is_grpc
from colorfast.extproc.http2._head import Head

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL = 5, 6, 7, 8
COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 9, 11

ECHO = b"/test.Echo/Echo"
REQUEST = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", ECHO),
    (b":authority", b"test"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)
GREETING = PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0)


class Frame(NamedTuple):
    """A frame that came out."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error of RST_STREAM or GOAWAY."""
        return int.from_bytes(self.payload[-4:] if self.kind == RST else self.payload[4:8], "big")


def frames(data: bytes) -> list[Frame]:
    """*data* cut into frames; there must be nothing left over."""
    found, position = [], 0
    while position < len(data):
        high, low, kind, flags, stream = HEAD.unpack_from(data, position)
        start = position + HEAD.size
        position = start + (high << 8 | low)
        assert position <= len(data), "a frame is cut off"
        found.append(Frame(kind, flags, stream, data[start:position]))
    return found


def block(fields: Iterable[tuple[bytes, bytes]] = REQUEST) -> bytes:
    """A header block that leaves the dynamic table alone."""
    encoder = hpack.Encoder()
    return encoder.encode([hpack.NeverIndexedHeaderTuple(*field) for field in fields])


BLOCK = block()


def headers(stream: int, payload: bytes = BLOCK, flags: int = END_HEADERS) -> bytes:
    return frame(HEADERS, flags, stream, payload)


def data(stream: int, payload: bytes, flags: int = 0) -> bytes:
    return frame(DATA, flags, stream, payload)


def message(payload: bytes) -> bytes:
    """A gRPC message with its prefix."""
    return b"\0" + pack(">L", len(payload)) + payload


def call(stream: int, payload: bytes = b"hello", flags: int = 0) -> bytes:
    """A request as Envoy makes it: HEADERS, and DATA with one message."""
    return headers(stream) + data(stream, message(payload), flags)


def reset(stream: int, code: int = CANCEL) -> bytes:
    return frame(RST, 0, stream, pack(">L", code))


def window(stream: int, increment: int) -> bytes:
    return frame(WINDOW, 0, stream, pack(">L", increment))


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*pair) for pair in pairs))


def ping(payload: bytes = b"12345678", flags: int = 0) -> bytes:
    return frame(PING, flags, 0, payload)


class Echo(Method):
    """Answers every message with itself; ends when the client does."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.closings = 0

    def message(self, calls: Calls, stream: CallStream, message: bytes) -> None:
        self.got.append(message)
        calls.send(stream, message)

    def ended(self, calls: Calls, stream: CallStream) -> None:
        calls.finish(stream, 0)

    def closed(self, calls: Calls, stream: CallStream) -> None:
        self.closings += 1


class Server:
    """A server core without sockets: bytes in, frames out."""

    def __init__(self, limits: Limits | None = None, *, greeted: bool = True) -> None:
        self.echo = Echo()
        self.time = 0.0
        self.heads: list[Head] = []
        self.calls = Calls(self._resolve, limits, now=lambda: self.time)
        self.connection = self.calls.connection
        self._decoder = hpack.Decoder()
        self.connection.greet()
        self.greeting = frames(self.connection.take())
        if greeted:
            self.send(GREETING)

    def _resolve(self, head: Head) -> Plan:
        self.heads.append(head)
        if not is_grpc(head.first(b"content-type")):
            return Page(b"\x88", b"page")
        return self.echo if head.path == ECHO else Refusal(12, "no such method")

    def send(self, *parts: bytes) -> list[Frame]:
        """Send *parts* as one segment; the frames that come back."""
        return self.send_cut([b"".join(parts)])

    def send_cut(self, segments: Sequence[bytes]) -> list[Frame]:
        """Send *segments* one after the other; the frames that come back."""
        for segment in segments:
            self.calls.receive(segment)
        return frames(self.connection.take())

    def fields(self, one: Frame) -> dict[bytes, bytes]:
        """The fields of a HEADERS frame; each has to be read once, in order."""
        assert one.kind == HEADERS
        return {bytes(k): bytes(v) for k, v in self._decoder.decode(one.payload, raw=True)}

    @property
    def open(self) -> int:
        """Calls that are not answered completely."""
        streams = self.connection.streams.values()
        return sum(isinstance(one.plan, Echo) for one in streams)

    @property
    def error(self) -> int | None:
        """The error that has ended the connection."""
        return None if self.connection.fault is None else int(self.connection.fault.code)
