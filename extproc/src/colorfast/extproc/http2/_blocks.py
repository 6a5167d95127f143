"""Header blocks: put together from their frames, unpacked, and remembered.

A block that repeats is not unpacked again. It is remembered together with what the application
made of its request, for as long as its bytes mean the same: until HPACK's dynamic table changes. A
block that changes the table itself is never remembered, since unpacking it does more than say what
it says. Envoy's blocks are the same bytes on a connection after its first request.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar

from colorfast.extproc.http2._errors import Flood, FloodFault
from colorfast.extproc.http2._head import Head, check_trailers, request_head
from colorfast.extproc.http2._hpack import Decoder
from colorfast.extproc.http2._limits import Limits

T = TypeVar("T")

Request: TypeAlias = tuple[T, int | None]
"""What the application made of a request's head, and the request's ``content-length``."""

_LONGEST_KNOWN: Final = 1_024
"""Bytes of the longest block that is remembered."""


class Blocks(Generic[T]):
    """The header blocks of one connection. *resolve* is what the application does with a head."""

    def __init__(self, limits: Limits, resolve: Callable[[Head], T]) -> None:
        self.known: dict[bytes, Request[T]] = {}
        """Requests by their blocks."""
        self._resolve = resolve
        self._decoder = Decoder(limits.header_table, limits.header_list)
        self._limits = limits
        self._generation = self._decoder.generation

    def request(self, block: bytes) -> Request[T]:
        """The request whose head *block* is. Raises ConnectionFault, or StreamFault."""
        fields = self._decoder.decode(block)
        same = self._is_same_table()
        head = request_head(fields)
        request = self._resolve(head), head.content_length
        if same and len(block) <= _LONGEST_KNOWN:
            if len(self.known) >= self._limits.known_blocks:
                self.known.clear()
            self.known[block] = request
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

    def _is_same_table(self) -> bool:
        """Whether the last block left the table alone; if not, nothing is known any more."""
        if self._generation == self._decoder.generation:
            return True
        self._generation = self._decoder.generation
        self.known.clear()
        return False


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
