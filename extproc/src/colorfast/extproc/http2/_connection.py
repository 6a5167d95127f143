"""One HTTP/2 connection from the server's side (RFC 9113), without any IO: what the client sends.

Bytes of the client go in by ``receive``, which yields events. Answers go in by ``send`` and
``end``, and bytes for the client come out of ``take``: those are in ``_sending``. Pings, settings,
windows and whatever else HTTP/2 needs for itself happen in between and are no events.

Theory of operation. ``receive`` cuts frames off and gives each to the handler of its type. What may
come at the moment is a table of handlers: before the client's SETTINGS only they may, within a
header block only CONTINUATION, otherwise everything, and at the end nothing. A stream moves by the
table in ``_streams``. A handler that meets a fault of the client raises it; ``receive`` makes
RST_STREAM of a StreamFault and GOAWAY of a ConnectionFault. Nothing is ever raised for what a
client sent.

Events are yielded one at a time, each before the next frame is looked at. So what happens does not
depend on how the network cut the bytes, and an answer is out before the reset behind it is read.

What we receive is taken at once, so windows are opened again as soon as half of one is used, and a
client that keeps to what was granted never waits for one. Holding a client back is left to TCP.
"""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from colorfast.extproc.http2 import _frames as frames
from colorfast.extproc.http2._blocks import Blocks, Pieces
from colorfast.extproc.http2._errors import (
    ConnectionFault,
    ErrorCode,
    Flood,
    StreamFault,
)
from colorfast.extproc.http2._events import Event, Kind
from colorfast.extproc.http2._frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    HEAD,
    HEAD_SIZE,
    MAX_FRAME_SIZE,
    PADDED,
    STREAM_ID,
    Setting,
)
from colorfast.extproc.http2._head import Head
from colorfast.extproc.http2._hpack import NO_TABLE
from colorfast.extproc.http2._limits import Limits
from colorfast.extproc.http2._sending import DRAINING, Sending
from colorfast.extproc.http2._settings import parse
from colorfast.extproc.http2._streams import (
    CLOSED,
    HALF_LOCAL,
    HALF_REMOTE,
    NEXT,
    RECV_DATA,
    RECV_HEADERS,
    RECV_RESET,
    RECV_WINDOW,
    Stream,
    refuse,
)

T = TypeVar("T")

_DATA: Final = Kind.DATA
_GONE: Final = Kind.GONE

_unpack = HEAD.unpack_from

_Handler: TypeAlias = Callable[[Any, int, int, bytes], Event[Any] | None]
_TYPES: Final = 256


def _only(kind: int, handler: _Handler, other: _Handler) -> tuple[_Handler, ...]:
    """*handler* for frames of one *kind*, *other* for the rest."""
    return tuple(handler if one == kind else other for one in range(_TYPES))


class Connection(Sending[T]):
    """One client. *resolve* makes of a request's head what the application calls its plan.

    *now* is a monotonic clock in seconds; only guards look at it.
    """

    def __init__(
        self,
        resolve: Callable[[Head], T],
        limits: Limits | None = None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(limits or Limits(), now)
        self._handlers = self._BEFORE_SETTINGS
        self._rest = b""
        self._greeted = False
        self._acknowledged = False
        self._blocks = Blocks(self._limits, resolve)
        self._known = self._blocks.known
        self._pieces: Pieces | None = None
        self._most_streams = self._limits.early_streams
        self._taken = 0
        self._half_connection = self._limits.connection_window // 2
        self._half_stream = self._limits.stream_window // 2

    def receive(self, data: bytes) -> Iterator[Event[T]]:
        """Take *data*, however cut; yield what it means. Never raises for what is in it.

        The iterator has to be used up before the next call.
        """
        if self.over:
            return
        try:
            if self._rest:
                data = self._rest + data
            position, end = self._start(data), len(data)
            while end - position >= HEAD_SIZE:
                high, low, kind, flags, stream_id = _unpack(data, position)
                size = high << 8 | low
                if size > MAX_FRAME_SIZE:
                    raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a frame is too long")
                start = position + HEAD_SIZE
                if start + size > end:
                    break
                position = start + size
                payload = data[start:position]
                stream_id &= STREAM_ID
                try:
                    event = self._handlers[kind](self, flags, stream_id, payload)
                except StreamFault as fault:
                    event = self._refuse(stream_id, fault)
                if event is not None:
                    yield event
            self._rest = data[position:] if self._greeted else data
        except ConnectionFault as fault:
            self.fail(fault)

    def _start(self, data: bytes) -> int:
        """Where frames begin in *data*. Raises ConnectionFault when there is no HTTP/2."""
        if self._greeted:
            return 0
        preface = frames.PREFACE
        if data[: len(preface)] != preface[: len(data)]:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "this is not HTTP/2")
        self._greeted = len(data) >= len(preface)
        return len(preface)

    def _on_data(self, flags: int, stream_id: int, payload: bytes) -> Event[T] | None:
        size = len(payload)
        self._taken += size
        if self._taken > self._half_connection:
            self.outbox.output.append(frames.window_update(0, self._taken))
            self._taken = 0
        last = flags & END_STREAM
        stream = self.streams.get(stream_id)
        if stream is None:
            return self._stray(stream_id, RECV_DATA + last)
        if flags & PADDED:
            payload = frames.unpadded(payload)
        state = NEXT[stream.state + RECV_DATA + last]
        if state < 0:
            refuse(stream.state, RECV_DATA + last)
        if stream.left is not None:
            stream.left = _counted(stream.left, len(payload), last)
        stream.state = state
        if last:
            if state == CLOSED:
                del self.streams[stream_id]
        else:
            stream.taken += size
            if stream.taken > self._half_stream:
                self._open_window(stream)
            if not payload:
                self.guards.spend(Flood.EMPTY_DATA)
        return _DATA, stream, payload

    def _open_window(self, stream: Stream[T]) -> None:
        if stream.state == HALF_LOCAL:
            # It has its answer and goes on sending: it need not (RFC 9113 section 8.1).
            self.reset(stream, ErrorCode.NO_ERROR)
            return
        self.outbox.output.append(frames.window_update(stream.id, stream.taken))
        stream.taken = 0

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> Event[T] | None:
        if flags == END_HEADERS:  # as nearly always
            return self._on_block(0, stream_id, payload)
        if flags & PADDED:
            payload = frames.unpadded(payload)
        if flags & HAS_PRIORITY:
            payload = frames.without_priority(payload, stream_id)
        if flags & END_HEADERS:
            return self._on_block(flags & END_STREAM, stream_id, payload)
        frames.check_odd(stream_id)
        self._pieces = Pieces(self._limits, stream_id, flags, payload)
        self._handlers = self._WITHIN_BLOCK
        return None

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> Event[T] | None:
        pieces = self._pieces
        if pieces is None or pieces.stream_id != stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of another stream")
        pieces.add(payload)
        if not flags & END_HEADERS:
            return None
        self._pieces = None
        self._handlers = self._ANYTHING
        return self._on_block(pieces.flags & END_STREAM, stream_id, pieces.block)

    def _on_block(self, last: int, stream_id: int, block: bytes) -> Event[T] | None:
        """A whole header block; *last* is 1 when nothing follows it."""
        if stream_id <= self._last_id or not stream_id & 1:
            return self._on_trailers(last, stream_id, block)
        self._last_id = stream_id
        if self._goaway_id is not None:
            self._blocks.skip(block)
            return self._stray(stream_id, RECV_HEADERS + last)
        plan, length = self._known.get(block) or self._blocks.request(block)
        if length is not None:
            length = _counted(length, 0, last)
        if len(self.streams) >= self._most_streams:
            raise StreamFault(ErrorCode.REFUSED_STREAM, "too many streams")
        stream = self.streams[stream_id] = Stream(stream_id, plan)
        stream.left = length
        if not last:
            return None
        stream.state = HALF_REMOTE
        return _DATA, stream, b""

    def _on_trailers(self, last: int, stream_id: int, block: bytes) -> Event[T] | None:
        frames.check_odd(stream_id)
        stream = self.streams.get(stream_id)
        if stream is None:
            # Even then the block counts for the table that both sides keep.
            self._blocks.skip(block)
            return self._stray(stream_id, RECV_HEADERS + last)
        self._blocks.trailers(block)
        state = NEXT[stream.state + RECV_HEADERS + last]
        if state < 0:
            refuse(stream.state, RECV_HEADERS + last)
        if stream.left is not None:
            stream.left = _counted(stream.left, 0, last)
        stream.state = state
        if state == CLOSED:
            del self.streams[stream_id]
        return _DATA, stream, b""

    def _on_rst_stream(self, flags: int, stream_id: int, payload: bytes) -> Event[T] | None:
        if len(payload) != frames.U32.size:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM of a wrong length")
        stream = self.streams.pop(stream_id, None)
        if stream is None:
            return self._stray(stream_id, RECV_RESET)
        stream.state = NEXT[stream.state + RECV_RESET]
        if stream.unsent is not None:
            self.outbox.forget(stream)
        if not stream.answered:
            self.guards.spend(Flood.RESET)
        return (_GONE, stream, b"") if stream.followed else None

    def _on_window_update(self, flags: int, stream_id: int, payload: bytes) -> Event[T] | None:
        if len(payload) != frames.U32.size:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE of a wrong length")
        increment = frames.U32.unpack(payload)[0] & frames.MAX_WINDOW
        self.guards.spend(Flood.STRAY)
        if not stream_id:
            if not increment:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "an update by nothing")
            self.outbox.open_connection(increment)
        else:
            stream = self.streams.get(stream_id)
            if stream is None:
                return self._stray(stream_id, RECV_WINDOW)
            if not increment:
                raise StreamFault(ErrorCode.PROTOCOL_ERROR, "an update by nothing")
            self.outbox.open_stream(stream, increment)
        self._flush()
        return None

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "SETTINGS of a stream")
        self.guards.spend(Flood.SETTINGS)
        if flags & ACK:
            self._on_acknowledged(payload)
            return
        # The last value counts; what many of one kind did in between nobody has seen.
        for key, value in dict(parse(payload)).items():
            if key == Setting.INITIAL_WINDOW_SIZE:
                self.outbox.resize(value, self.streams)
            elif key == Setting.MAX_FRAME_SIZE:
                self.outbox.max_frame = value
            elif key == Setting.HEADER_TABLE_SIZE:
                # Whatever the client's limit is, we keep to it (RFC 7541 section 4.2).
                self.outbox.prefix = NO_TABLE
        self._handlers = self._ANYTHING
        self.outbox.output.append(frames.frame(frames.SETTINGS, ACK, 0))
        self._flush()

    def _on_acknowledged(self, payload: bytes) -> None:
        if payload:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement with settings")
        self._acknowledged = True
        self._most_streams = self._limits.streams

    def _on_first_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & ACK:
            self._on_nothing(flags, stream_id, payload)
        self._on_settings(flags, stream_id, payload)

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PING of a stream")
        if len(payload) != len(DRAINING):
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PING of a wrong length")
        self.guards.spend(Flood.PING)
        if not flags & ACK:
            self.outbox.output.append(frames.frame(frames.PING, ACK, 0, payload))
        elif payload == DRAINING and self._draining:
            self.refuse_streams()

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        # It is about streams that we might open, and we never do (RFC 9113 section 6.8).
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY of a stream")
        if len(payload) < 2 * frames.U32.size:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of a wrong length")
        self.guards.spend(Flood.STRAY)

    def _on_priority(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY of no stream")
        if len(payload) != frames.PRIORITY_SIZE:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong length")
        frames.check_priority(payload, stream_id)
        self.guards.spend(Flood.STRAY)

    def _on_unknown(self, flags: int, stream_id: int, payload: bytes) -> None:
        self.guards.spend(Flood.STRAY)

    def _on_nothing(self, flags: int, stream_id: int, payload: bytes) -> None:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame that may not come now")

    def _on_silence(self, flags: int, stream_id: int, payload: bytes) -> None:
        """It is over: what still comes is not looked at."""

    def _stray(self, stream_id: int, step: int) -> Event[T] | None:
        """A frame of a stream that cannot move. Raises PeerFault unless it is to be ignored."""
        refuse(self._state(stream_id), step)
        self.guards.spend(Flood.STRAY)
        return None

    @property
    def settled(self) -> bool:
        """Whether both sides know each other's settings."""
        return self._acknowledged and self._handlers is not self._BEFORE_SETTINGS

    def _refuse(self, stream_id: int, fault: StreamFault) -> Event[T] | None:
        self.guards.spend(Flood.FAULT)
        stream = self.streams.get(stream_id)
        if stream is None:
            self._send_reset(stream_id, fault.code)
            return None
        self.reset(stream, fault.code)
        return (_GONE, stream, b"") if stream.followed else None

    def close(self, code: ErrorCode = ErrorCode.NO_ERROR, why: str = "") -> None:
        """End the connection and every stream on it; what still comes is not looked at."""
        super().close(code, why)
        self._handlers = self._OVER

    # Handlers by the type of the frame: plain functions, so that no connection refers to itself.

    _KNOWN: ClassVar[tuple[_Handler, ...]] = (
        _on_data,
        _on_headers,
        _on_priority,
        _on_rst_stream,
        _on_settings,
        _on_nothing,  # PUSH_PROMISE: clients push nothing
        _on_ping,
        _on_goaway,
        _on_window_update,
        _on_nothing,  # CONTINUATION: no block has begun
    )
    _ANYTHING: ClassVar = _KNOWN + (_on_unknown,) * (_TYPES - len(_KNOWN))
    _BEFORE_SETTINGS: ClassVar = _only(frames.SETTINGS, _on_first_settings, _on_nothing)
    _OVER: ClassVar = (_on_silence,) * _TYPES
    _WITHIN_BLOCK: ClassVar = _only(frames.CONTINUATION, _on_continuation, _on_nothing)


def _counted(left: int, size: int, last: int) -> int:
    """What ``content-length`` still promises after *size* bytes more.

    Raises StreamFault when it was untrue.
    """
    left -= size
    if left < 0 or (last and left):
        raise StreamFault(ErrorCode.PROTOCOL_ERROR, "content-length was not true")
    return left
