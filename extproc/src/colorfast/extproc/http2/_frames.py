"""Frames of HTTP/2 (RFC 9113 sections 4 and 6): their numbers, and how they are written."""

from enum import IntEnum
from struct import Struct
from typing import Final

from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (section 3.4)."""

HEAD: Final = Struct(">HBBBL")
"""A frame's head: length (its high 16 bits, its low 8), type, flags, stream."""

U32: Final = Struct(">L")
SETTING: Final = Struct(">HL")

HEAD_SIZE: Final = HEAD.size
MAX_FRAME_SIZE: Final = 16_384
"""Bytes of the longest payload that is taken: the initial value, nothing else is announced."""

MAX_WINDOW: Final = (1 << 31) - 1
INITIAL_WINDOW: Final = 65_535
STREAM_ID: Final = (1 << 31) - 1
"""The mask of a stream's number; the bit above it is reserved and ignored."""

# Types. Plain numbers: they index a table for every frame.
DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PUSH_PROMISE: Final = 0x5
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9

# Flags.
END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20


class Setting(IntEnum):
    """Parameters of SETTINGS (section 6.5.2)."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6


def frame(kind: int, flags: int, stream_id: int, payload: bytes | memoryview = b"") -> bytes:
    """One frame. *payload* must fit what the peer takes."""
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream_id) + payload


def settings(values: dict[Setting, int]) -> bytes:
    """SETTINGS with *values*."""
    pairs = (SETTING.pack(key, value) for key, value in values.items())
    return frame(SETTINGS, 0, 0, b"".join(pairs))


def window_update(stream_id: int, increment: int) -> bytes:
    """WINDOW_UPDATE: *increment* more bytes may be sent to us; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream_id, U32.pack(increment))


def rst_stream(stream_id: int, code: ErrorCode) -> bytes:
    """RST_STREAM."""
    return frame(RST_STREAM, 0, stream_id, U32.pack(code))


def goaway(last_id: int, code: ErrorCode, why: str = "") -> bytes:
    """GOAWAY: streams above *last_id* are not looked at; *why* is for whoever debugs it."""
    return frame(GOAWAY, 0, 0, U32.pack(last_id) + U32.pack(code) + why.encode())


def unpadded(payload: bytes) -> bytes:
    """The payload of a PADDED frame without its padding (section 6.1)."""
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "padding is longer than its frame")
    return payload[1 : len(payload) - payload[0]]


def without_priority(payload: bytes, stream_id: int) -> bytes:
    """The payload of a HEADERS frame without its priority, which is ignored (section 5.3.2)."""
    if len(payload) < PRIORITY_SIZE:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS are shorter than a priority")
    check_priority(payload, stream_id)
    return payload[PRIORITY_SIZE:]


def check_odd(stream_id: int) -> None:
    """RFC 9113 section 5.1.1. Raises ConnectionFault."""
    if not stream_id & 1:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "clients open odd streams only")


def check_priority(payload: bytes, stream_id: int) -> None:
    """RFC 7540 section 5.3.1: no stream depends on itself."""
    if U32.unpack_from(payload)[0] & STREAM_ID == stream_id:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")


PRIORITY_SIZE: Final = 5
