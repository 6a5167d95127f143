"""What leaves a connection: frames in order, and DATA only as far as the client's windows reach.

Theory of operation. The client grants bytes on the connection and on each stream (RFC 9113 section
5.2). DATA that fits leaves at once. What does not fit is kept by its stream, in order, and so is
the block that ends the stream. All that is kept counts against one bound: a client that asks and
never takes the answers is a flood.

Streams that only the connection's window holds up are *ready*, and take turns when it opens. The
others wait for their own windows, and are not looked at until those open: so an update costs what
it sets free, however many streams wait.
"""

from collections import deque
from typing import Final, Generic, TypeVar

from colorfast.extproc.http2 import _frames as frames
from colorfast.extproc.http2._errors import (
    ConnectionFault,
    ErrorCode,
    Flood,
    FloodFault,
    StreamFault,
)
from colorfast.extproc.http2._frames import DATA, END_HEADERS, END_STREAM, HEAD, HEADERS
from colorfast.extproc.http2._streams import Stream

T = TypeVar("T")

_PIECE_COST: Final = 64
"""What a piece that is kept counts beside its bytes, so that many small ones are bounded too."""


class Outbox(Generic[T]):
    """The output of one connection. At most *unsent* bytes of DATA are kept."""

    def __init__(self, unsent: int) -> None:
        self.output: list[bytes] = []
        """Pieces to be written, in order; whoever writes them clears it."""
        self.window = frames.INITIAL_WINDOW
        """Bytes of DATA that the connection may still send."""
        self.initial_window = frames.INITIAL_WINDOW
        """The same for a stream that has sent nothing; the client's setting."""
        self.max_frame = frames.MAX_FRAME_SIZE
        """The client's setting."""
        self.prefix = b""
        """What HPACK wants in front of the next header block."""
        self.ready: dict[int, Stream[T]] = {}
        """Streams that wait for the connection's window only, in the order of their turns."""
        self._room = unsent

    def headers(self, stream: Stream[T], block: bytes, flags: int = END_HEADERS) -> None:
        """Send a header block that fits a frame, as all of ours do."""
        if self.prefix:
            block = self.prefix + block
            self.prefix = b""
        self.output.append(HEAD.pack(0, len(block), HEADERS, flags, stream.id) + block)

    def data(self, stream: Stream[T], data: bytes) -> None:
        """Send DATA, or keep what does not fit. Raises FloodFault.

        Nothing overtakes what is kept: as long as there is any, one of its windows is used up.
        """
        size = len(data)
        if (
            size <= self.window
            and size <= self.initial_window + stream.credit
            and size <= self.max_frame
        ):
            self.window -= size
            stream.credit -= size
            self.output.append(HEAD.pack(size >> 8, size & 0xFF, DATA, 0, stream.id) + data)
        else:
            self._keep(stream, data)

    def last(self, stream: Stream[T], block: bytes) -> bool:
        """End *stream* with trailers, or with nothing when *block* is empty.

        False when the end has to wait for DATA that is kept.
        """
        if stream.unsent is not None:
            stream.last = block
            return False
        if block:
            self.headers(stream, block, END_HEADERS | END_STREAM)
        else:
            self.output.append(frames.frame(DATA, END_STREAM, stream.id))
        return True

    def forget(self, stream: Stream[T]) -> None:
        """*stream* is gone, and with it what it kept."""
        if stream.unsent is not None:
            self.ready.pop(stream.id, None)
            self._room += sum(len(piece) + _PIECE_COST for piece in stream.unsent)
            stream.unsent = None

    def flush(self) -> list[Stream[T]]:
        """Send what fits now; the streams that could be ended by that."""
        done = []
        while self.ready and self.window > 0:
            stream = self.ready.pop(next(iter(self.ready)))
            if not self._flush(stream):
                self._note(stream)  # its turn comes again after all the others
                continue
            stream.unsent = None
            if stream.last is not None:
                self.last(stream, stream.last)
                done.append(stream)
        return done

    def open_connection(self, increment: int) -> None:
        """WINDOW_UPDATE of the connection. Raises ConnectionFault."""
        self.window += increment
        if self.window > frames.MAX_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window overflows")

    def open_stream(self, stream: Stream[T], increment: int) -> None:
        """WINDOW_UPDATE of *stream*. Raises StreamFault."""
        stream.credit += increment
        self._note(stream)
        if self.initial_window + stream.credit > frames.MAX_WINDOW:
            raise StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "the stream's window overflows")

    def resize(self, initial_window: int, streams: dict[int, Stream[T]]) -> None:
        """The client's INITIAL_WINDOW_SIZE, for *streams* too. Raises ConnectionFault."""
        self.initial_window = initial_window
        for stream in streams.values():
            self._note(stream)
            if initial_window + stream.credit > frames.MAX_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window overflows")

    def _keep(self, stream: Stream[T], data: bytes) -> None:
        self._room -= len(data) + _PIECE_COST
        if self._room < 0:
            raise FloodFault(Flood.UNSENT, "answers are not taken")
        if stream.unsent is not None:
            stream.unsent.append(memoryview(data))
            return
        stream.unsent = deque((memoryview(data),))
        if self._flush(stream):  # it did not fit a frame, and that was all
            stream.unsent = None
        else:
            self._note(stream)

    def _note(self, stream: Stream[T]) -> None:
        """See whether *stream* is ready."""
        if stream.unsent is not None and self.initial_window + stream.credit > 0:
            self.ready[stream.id] = stream
        else:
            self.ready.pop(stream.id, None)

    def _flush(self, stream: Stream[T]) -> bool:
        """Send what fits of *stream*; whether that was all."""
        pieces = stream.unsent
        while pieces:
            piece = pieces[0]
            fits = min(self.window, self.initial_window + stream.credit, self.max_frame)
            if fits <= 0:
                return False
            sent = piece[:fits]
            if fits < len(piece):
                pieces[0] = piece[fits:]
                self._room += fits
            else:
                pieces.popleft()
                self._room += len(piece) + _PIECE_COST
            self.window -= len(sent)
            stream.credit -= len(sent)
            self.output.append(frames.frame(DATA, 0, stream.id, sent))
        return True
