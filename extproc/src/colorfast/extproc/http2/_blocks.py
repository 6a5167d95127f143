"""Header blocks: put together from their frames, unpacked, and remembered.

A block that repeats is not unpacked again. It is remembered together with what the application made
of its request, for as long as its bytes mean the same: until HPACK's dynamic table changes. A block
that changes the table itself is never remembered, since unpacking it does more than say what it
says. Envoy's blocks are the same bytes on a connection after its first request.

With tracing they are not: each has a ``traceparent`` of its own. Such a block has to be unpacked,
but fields that nobody reads are checked and blanked, and what is left is known again. So an
application cannot come to depend on what is left out.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeAlias, TypeVar

from colorfast.extproc.http2._errors import Flood, FloodFault
from colorfast.extproc.http2._head import Head, check_trailers, check_value, request_head
from colorfast.extproc.http2._hpack import Decoder, Field
from colorfast.extproc.http2._limits import Limits

K = TypeVar("K")
T = TypeVar("T")

Request: TypeAlias = tuple[T, int | None]
"""What the application made of a request's head, and the request's ``content-length``."""

_LONGEST_KNOWN: Final = 1_024
"""Bytes of the longest block that is remembered."""


UNREAD: Final = (
    *(b"traceparent", b"tracestate", b"baggage", b"grpc-trace-bin", b"x-request-id"),
    *(b"b3", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid", b"x-b3-sampled"),
    *(b"grpc-timeout", b"x-forwarded-for"),
)
"""Fields that nobody reads here, and that change with each request."""

_BLANK: Final[dict[bytes, Field]] = {name: (name, b"") for name in UNREAD}


class Blocks(Generic[T]):
    """The header blocks of one connection. *resolve* is what the application does with a head."""

    def __init__(self, limits: Limits, resolve: Callable[[Head], T]) -> None:
        self.known: dict[bytes, Request[T]] = {}
        """Requests by their blocks."""
        self._heads: dict[tuple[Field, ...], Request[T]] = {}
        self._resolve = resolve
        self._decoder = Decoder(limits.header_table, limits.header_list)
        self._limits = limits
        self._generation = self._decoder.generation

    def request(self, block: bytes) -> Request[T]:
        """The request whose head *block* is. Raises ConnectionFault, or StreamFault."""
        fields = self._decoder.decode(block)
        same = self._is_same_table()
        read = _blanked(fields)
        request = self._heads.get(read)
        if request is None:
            head = request_head(read)
            request = self._resolve(head), head.content_length
            self._remember(self._heads, read, request, len(block))
        if same:
            self._remember(self.known, block, request, len(block))
        return request

    def trailers(self, block: bytes) -> None:
        """Make sure that *block* holds trailers. Raises ConnectionFault, or StreamFault."""
        fields = self._decoder.decode(block)
        self._is_same_table()
        check_trailers(fields)

    def skip(self, block: bytes) -> None:
        """Unpack *block* for its effect on the table only. Raises ConnectionFault."""
        self._decoder.decode(block)
        self._is_same_table()

    def _remember(self, known: dict[K, Request[T]], key: K, request: Request[T], size: int) -> None:
        if size <= _LONGEST_KNOWN:
            if len(known) >= self._limits.known_blocks:
                known.clear()
            known[key] = request

    def _is_same_table(self) -> bool:
        """Whether the last block left the table alone; if not, nothing is known any more."""
        if self._generation == self._decoder.generation:
            return True
        self._generation = self._decoder.generation
        self.known.clear()
        return False


def _blanked(fields: Iterable[Field]) -> tuple[Field, ...]:
    """*fields* without the values that nobody reads. Raises StreamFault."""
    read = []
    for field in fields:
        blank = _BLANK.get(field[0])
        if blank is None:
            read.append(field)
        else:
            check_value(field[1])
            read.append(blank)
    return tuple(read)


class Pieces:
    """A header block whose frames are still coming (RFC 9113 section 6.10)."""

    def __init__(self, limits: Limits, stream_id: int, flags: int, first: bytes) -> None:
        self.stream_id: Final = stream_id
        self.flags: Final = flags
        """Those of the HEADERS frame."""
        self._limits = limits
        self._block = bytearray(first)
        self._frames = 1

    def add(self, piece: bytes) -> None:
        """One more CONTINUATION. Raises FloodFault."""
        self._block += piece
        self._frames += 1
        if self._frames > self._limits.block_frames:
            raise FloodFault(Flood.CONTINUATION, "a header block in too many frames")
        if len(self._block) > self._limits.header_block:
            raise FloodFault(Flood.HEADERS, "a header block is too long")

    @property
    def block(self) -> bytes:
        """The block so far."""
        return bytes(self._block)
