"""What a connection knows of its streams, and what it sends: answers, resets, its own end.

The client's side is in ``_connection``. What is sent here is what the application or the rim asks
for, at any time; everything leaves by the outbox, in the order in which it was asked for.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from colorfast.extproc.http2 import _frames as frames
from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode
from colorfast.extproc.http2._frames import STREAM_ID, Setting
from colorfast.extproc.http2._guards import Guards
from colorfast.extproc.http2._limits import Limits
from colorfast.extproc.http2._outbox import Outbox
from colorfast.extproc.http2._streams import (
    CLOSED,
    HALF_LOCAL,
    IDLE,
    NEXT,
    RESET,
    SEND_LAST,
    Stream,
    refuse,
)

T = TypeVar("T")

DRAINING: Final = b"draining"
"""The ping whose answer says that a client has read our first GOAWAY."""


class Sending(Generic[T]):
    """The half of a connection that sends. *now* is a monotonic clock; only guards look at it."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self.outbox: Final = Outbox[T](limits.unsent)
        self.guards: Final = Guards(limits, now)
        self.streams: Final[dict[int, Stream[T]]] = {}
        """Those that can still move."""
        self.fault: ConnectionFault | None = None
        """Why the connection is over, when it is the client's fault."""
        self.over = False
        """Nothing is read any more. What is in the outbox is to be sent, then TCP closed."""
        self._limits = limits
        self._last_id = 0
        self._goaway_id: int | None = None
        self._draining = False
        self._resets: dict[int, None] = {}

    def greet(self) -> None:
        """Send our SETTINGS. First of all."""
        limits = self._limits
        values = {
            Setting.MAX_CONCURRENT_STREAMS: limits.streams,
            Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
            Setting.MAX_HEADER_LIST_SIZE: limits.header_list,
        }
        more = limits.connection_window - frames.INITIAL_WINDOW
        self.outbox.output += (frames.settings(values), frames.window_update(0, more))

    def take(self) -> bytes:
        """What there is to be written."""
        output = self.outbox.output
        data = b"".join(output)
        output.clear()
        return data

    def send(self, stream: Stream[T], data: bytes, headers: bytes = b"") -> None:
        """Go on with *data*; what the client's windows do not admit yet is sent later.

        An answer begins with *headers*, a header block that has to fit a frame.
        """
        outbox = self.outbox
        if headers:
            stream.answered = True
            outbox.headers(stream, headers)
        self.guards.answers += 1
        try:
            outbox.data(stream, data)
        except ConnectionFault as fault:
            self.fail(fault)

    def end(self, stream: Stream[T], trailers: bytes = b"") -> None:
        """End the answer, with the header block *trailers* or without any."""
        stream.answered = True
        if self.outbox.last(stream, trailers):
            self._end(stream)

    def reset(self, stream: Stream[T], code: ErrorCode) -> None:
        """End *stream* at once."""
        del self.streams[stream.id]
        self.outbox.forget(stream)
        stream.state = RESET
        self._send_reset(stream.id, code)

    def ping(self) -> None:
        """Make the client answer."""
        self.outbox.output.append(frames.frame(frames.PING, 0, 0, bytes(len(DRAINING))))

    def drain(self) -> None:
        """Ask the client to open no more streams; those on their way are still served.

        ``refuse_streams`` has to follow, unless the client's answer calls it (section 6.8).
        """
        if not self._draining and not self.over:
            self._draining = True
            self.outbox.output += (
                frames.goaway(STREAM_ID, ErrorCode.NO_ERROR),
                frames.frame(frames.PING, 0, 0, DRAINING),
            )

    def refuse_streams(self) -> None:
        """Take no new stream any more."""
        if self._goaway_id is None and not self.over:
            self._goaway_id = self._last_id
            self.outbox.output.append(frames.goaway(self._last_id, ErrorCode.NO_ERROR))

    def close(self, code: ErrorCode = ErrorCode.NO_ERROR, why: str = "") -> None:
        """End the connection and every stream on it."""
        if not self.over:
            self.over = True
            self.outbox.output.append(frames.goaway(self._last_id, code, why))

    def fail(self, fault: ConnectionFault) -> None:
        """End the connection for *fault*."""
        if not self.over:
            self.fault = fault
            self.close(fault.code, fault.why)

    @property
    def done(self) -> bool:
        """Whether nothing more will come of it: TCP may close once the outbox is empty."""
        if self.over or self._goaway_id is None:
            return self.over
        return all(stream.state == HALF_LOCAL for stream in self.streams.values())

    def _flush(self) -> None:
        if self.outbox.ready:
            for stream in self.outbox.flush():
                self._end(stream)

    def _end(self, stream: Stream[T]) -> None:
        state = NEXT[stream.state + SEND_LAST]
        if state < 0:
            refuse(stream.state, SEND_LAST)
        stream.state = state
        if state == CLOSED:
            del self.streams[stream.id]

    def _send_reset(self, stream_id: int, code: ErrorCode) -> None:
        self.outbox.output.append(frames.rst_stream(stream_id, code))
        self._resets[stream_id] = None
        if len(self._resets) > self._limits.recent_resets:
            del self._resets[next(iter(self._resets))]

    def _state(self, stream_id: int) -> int:
        if stream_id > self._last_id or not stream_id & 1:
            return IDLE
        late = self._goaway_id is not None and stream_id > self._goaway_id
        return RESET if late or stream_id in self._resets else CLOSED
