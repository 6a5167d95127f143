"""What can go wrong on a connection, by whose fault it is.

A ``PeerFault`` is the client's: it ends a stream or the connection, and is never raised beyond the
core. A ``LocalError`` is ours: the core was used in a way that HTTP/2 does not allow.
"""

from enum import IntEnum, StrEnum


class ErrorCode(IntEnum):
    """RFC 9113 section 7."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB


class Flood(StrEnum):
    """Kinds of abuse that a guard stops, as metrics name them."""

    RESET = "reset"
    """Streams opened and reset before they were answered: "rapid reset"."""
    CONTINUATION = "continuation"
    """A header block in too many frames."""
    HEADERS = "headers"
    """A header block, or what it unpacks to, that is too large."""
    PING = "ping"
    SETTINGS = "settings"
    EMPTY_DATA = "empty_data"
    """DATA that holds nothing and ends nothing."""
    UNSENT = "unsent"
    """Answers that the client lets nobody send: its window stays shut."""
    STRAY = "stray"
    """Frames that do nothing: priorities, unknown types, updates, frames of closed streams."""
    FAULT = "fault"
    """Streams that ended by the client's fault."""


class Http2Error(Exception):
    """Whatever this package raises."""


class LocalError(Http2Error):
    """We are at fault: a stream was used after its end."""


class PeerFault(Http2Error):
    """The client is at fault. *why* never holds what it sent."""

    def __init__(self, code: ErrorCode, why: str) -> None:
        super().__init__(f"{code.name}: {why}")
        self.code = code
        self.why = why


class StreamFault(PeerFault):
    """Ends the stream that it happens on (RFC 9113 section 5.4.2)."""


class ConnectionFault(PeerFault):
    """Ends the connection (RFC 9113 section 5.4.1)."""


class FloodFault(ConnectionFault):
    """Ends the connection of a client that overdoes it (RFC 9113 section 10.5)."""

    def __init__(self, flood: Flood, why: str) -> None:
        super().__init__(ErrorCode.ENHANCE_YOUR_CALM, why)
        self.flood = flood
