"""The life of a stream: one table, and everything that moves a stream looks it up here.

Theory of operation. RFC 9113 section 5.1 draws the states of a stream; this is that picture from
the server's side, without pushes. A *state* is where a stream stands, a *step* is one frame that
the client sent or that we send, and ``NEXT`` says for each pair what comes of it: the next state,
or whose fault it is. Nothing else in this package decides whether a frame may come.

- **IDLE**: never opened: any number above the last one that a client opened, and all even ones.
- **OPEN**: both sides may send.
- **HALF_REMOTE**: the client has ended its side; a gRPC client has half-closed.
- **HALF_LOCAL**: we have ended ours, the client has not.
- **CLOSED**: ended by both sides, or reset by the client, or passed over by a higher number.
- **RESET**: reset by us. The client may not know yet, so whatever comes is ignored; that is why it
  is not CLOSED, where the same frames are the client's fault.

The table does not hold streams. Those that can still move (OPEN and the two halves) are objects;
the state of every other number follows from the number, the last one opened and recent resets.

Two rules keep it small. It does not know flow control, headers or gRPC: they act only on steps that
it allows. And it does not act: whoever takes a step sends what has to be sent.

For speed it is one flat tuple of numbers, and a state is the place where its row starts: so a step
is an addition and a look-up, ``NEXT[state + step]``. What is not a state is negative.
"""

from collections import deque
from typing import Final, Generic, TypeVar

from colorfast.extproc.http2._errors import (
    ConnectionFault,
    ErrorCode,
    LocalError,
    PeerFault,
    StreamFault,
)

T = TypeVar("T")

# Steps: frames of the client, then frames of ours.
RECV_HEADERS: Final = 0
RECV_LAST_HEADERS: Final = 1
RECV_DATA: Final = 2
RECV_LAST_DATA: Final = 3
RECV_RESET: Final = 4
RECV_WINDOW: Final = 5
SEND_LAST: Final = 6
SEND_RESET: Final = 7
_STEPS: Final = 8

# States.
IDLE: Final = 0 * _STEPS
OPEN: Final = 1 * _STEPS
HALF_REMOTE: Final = 2 * _STEPS
HALF_LOCAL: Final = 3 * _STEPS
CLOSED: Final = 4 * _STEPS
RESET: Final = 5 * _STEPS

# What is no state.
_SKIP: Final = -1
"""Nothing happens."""
_NEVER: Final = -2
"""The connection ends, PROTOCOL_ERROR."""
_WRONG: Final = -3
"""The stream ends, PROTOCOL_ERROR."""
_ENDED: Final = -4
"""The stream ends, STREAM_CLOSED."""
_GONE: Final = -5
"""The connection ends, STREAM_CLOSED."""
_OURS: Final = -6
"""We did what we must not."""

# fmt: off
_TABLE: Final = (  # a row for each state, in the order above
    # HEADERS last         DATA        last         RST_    WINDOW_      END_        RST_
    #         HEADERS                  DATA         STREAM  UPDATE       STREAM      STREAM
    (OPEN,    HALF_REMOTE, _NEVER,     _NEVER,      _NEVER, _NEVER,      _OURS,      RESET),
    (_WRONG,  HALF_REMOTE, OPEN,       HALF_REMOTE, CLOSED, OPEN,        HALF_LOCAL, RESET),
    (_ENDED,  _ENDED,      _ENDED,     _ENDED,      CLOSED, HALF_REMOTE, CLOSED,     RESET),
    (_WRONG,  CLOSED,      HALF_LOCAL, CLOSED,      CLOSED, HALF_LOCAL,  _OURS,      RESET),
    (_GONE,   _GONE,       _ENDED,     _ENDED,      _SKIP,  _SKIP,       _OURS,      RESET),
    (_SKIP,   _SKIP,       _SKIP,      _SKIP,       _SKIP,  _SKIP,       _OURS,      _SKIP),
)
# fmt: on

NEXT: Final = tuple(outcome for row in _TABLE for outcome in row)
"""The next state by state plus step; negative where there is none, see ``refuse``."""

NAMES: Final = {
    IDLE: "idle",
    OPEN: "open",
    HALF_REMOTE: "half-closed (remote)",
    HALF_LOCAL: "half-closed (local)",
    CLOSED: "closed",
    RESET: "reset",
}
"""States as RFC 9113 names them."""


def refuse(state: int, step: int) -> None:
    """What a negative entry means. Raises PeerFault or LocalError; returns when it is ignored."""
    why = f"a frame that an {NAMES[state]} stream does not take"
    outcome = NEXT[state + step]
    if outcome == _OURS:
        raise LocalError(f"an {NAMES[state]} stream is ended again")
    if outcome != _SKIP:
        raise _FAULTS[outcome](_CODES[outcome], why)


_FAULTS: Final[dict[int, type[PeerFault]]] = {
    _NEVER: ConnectionFault,
    _WRONG: StreamFault,
    _ENDED: StreamFault,
    _GONE: ConnectionFault,
}
_CODES: Final = {
    _NEVER: ErrorCode.PROTOCOL_ERROR,
    _WRONG: ErrorCode.PROTOCOL_ERROR,
    _ENDED: ErrorCode.STREAM_CLOSED,
    _GONE: ErrorCode.STREAM_CLOSED,
}


class Stream(Generic[T]):
    """A stream that can still move. *plan* is what the application made of its request.

    Most streams of Envoy live for two frames and an answer, so what most never change is an
    attribute of the class.
    """

    state: int = OPEN
    answered = False
    """Whether anything was sent on it."""
    taken = 0
    """Bytes of DATA since its window was last opened."""
    left: int | None = None
    """Bytes of DATA that ``content-length`` promises still."""
    credit = 0
    """What may be sent on it, less the initial window, which SETTINGS may change."""
    unsent: deque[memoryview] | None = None
    """DATA that waits for a window."""
    last: bytes | None = None
    """The header block that ends it once nothing waits; empty for an empty DATA frame."""
    followed = False
    """For the application: whether it wants to know when the stream is gone."""
    received: bytearray | None = None
    """For the application: the start of a message whose end has not come yet."""

    def __init__(self, stream_id: int, plan: T) -> None:
        self.id = stream_id
        self.plan = plan

    @property
    def ended(self) -> bool:
        """Whether the client has ended its side."""
        return self.state in (HALF_REMOTE, CLOSED)

    def __repr__(self) -> str:
        return f"<stream {self.id} {NAMES[self.state]}>"
