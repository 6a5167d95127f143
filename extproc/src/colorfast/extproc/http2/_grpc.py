"""gRPC's own part of HTTP/2: messages in DATA, statuses in trailers.

Source: "gRPC over HTTP2" (PROTOCOL-HTTP2.md of grpc/grpc), its section names below.
"""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Final

from colorfast.extproc.http2._hpack import Field, encode

PREFIX: Final = Struct(">BL")
"""Length-Prefixed-Message: whether it is compressed, and its length."""

_CONTENT_TYPE: Final = b"application/grpc"
_PLAIN: Final = range(0x20, 0x7F)


class Status(IntEnum):
    """The status codes that are sent here."""

    OK = 0
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13


class GrpcFault(Exception):
    """The client is at fault: its call ends with *status*. *why* never holds what it sent."""

    def __init__(self, status: Status, why: str) -> None:
        super().__init__(f"{status.name}: {why}")
        self.status = status
        self.why = why


HEADERS: Final = encode([(b":status", b"200"), (b"content-type", _CONTENT_TYPE)])
"""Response-Headers, as a header block."""


def is_grpc(content_type: bytes | None) -> bool:
    """Whether a request says that it is gRPC (Content-Type)."""
    return content_type is not None and (
        content_type == _CONTENT_TYPE
        or content_type.startswith((b"application/grpc+", b"application/grpc;"))
    )


def trailers(status: int, why: str = "") -> bytes:
    """Trailers, as a header block."""
    return encode(_status(status, why))


def trailers_only(status: int, why: str = "") -> bytes:
    """Trailers-Only: the whole answer in one header block."""
    return HEADERS + trailers(status, why)


def messages(received: bytearray, longest: int) -> Iterator[bytes]:
    """Cut the whole messages off the start of *received*. Raises GrpcFault."""
    while len(received) >= PREFIX.size:
        compressed, size = PREFIX.unpack_from(received)
        if compressed == 1:
            raise GrpcFault(Status.UNIMPLEMENTED, "compressed messages are not understood")
        if compressed:
            raise GrpcFault(Status.INTERNAL, "a message whose prefix makes no sense")
        if size > longest:
            raise GrpcFault(Status.RESOURCE_EXHAUSTED, f"a message of more than {longest} bytes")
        end = PREFIX.size + size
        if len(received) < end:
            return
        message = bytes(received[PREFIX.size : end])
        del received[:end]
        yield message


def _status(status: int, why: str) -> Iterator[Field]:
    yield b"grpc-status", b"%d" % status
    if why:
        yield b"grpc-message", _percent_encoded(why)
    if status == Status.UNIMPLEMENTED:
        yield b"grpc-accept-encoding", b"identity"


def _percent_encoded(text: str) -> bytes:
    """Status-Message: UTF-8, and what is not plain ASCII as %XX."""
    return b"".join(
        bytes((byte,)) if byte in _PLAIN and byte != 0x25 else b"%%%02X" % byte
        for byte in text.encode()
    )
