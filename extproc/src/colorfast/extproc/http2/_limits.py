"""What one connection may cost: every buffer, table and count has its bound here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from colorfast.extproc.http2._errors import Flood
from colorfast.extproc.http2._frames import INITIAL_WINDOW

_ALLOWANCES: Final = MappingProxyType(
    {
        # A reset stream that was answered is Envoy's normal end, and costs nothing here.
        Flood.RESET: 1_000,
        Flood.PING: 1_000,
        # Each is acknowledged, and may touch every stream.
        Flood.SETTINGS: 100,
        Flood.EMPTY_DATA: 1_000,
        # Clients that update windows for each answer are paid for by the answers.
        Flood.STRAY: 10_000,
        Flood.FAULT: 1_000,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one connection; sizes are bytes, times are seconds. Raises ValueError."""

    streams: int = 1_024
    """Streams open at a time, announced. As many as an Envoy's worker has on one connection."""
    early_streams: int = 4_096
    """The same before the client can know: Envoy sends requests ahead of our SETTINGS."""
    stream_window: int = 1 << 20
    """Flow control: what a client may send ahead on one stream."""
    connection_window: int = 16 << 20
    """Flow control: what a client may send ahead on all streams."""
    header_block: int = 64 << 10
    """The longest header block, packed."""
    header_list: int = 64 << 10
    """The longest header list, unpacked and counted as RFC 9113 section 6.5.2 says; announced."""
    header_table: int = 4_096
    """HPACK's dynamic table: the initial value, so it is not announced."""
    block_frames: int = 32
    """Frames of one header block."""
    message: int = 1 << 20
    """The longest gRPC message. Envoy lets all headers of a request have 60 KiB by default."""
    held: int = 8 << 20
    """Starts of gRPC messages whose ends have not come yet, on all streams."""
    unsent: int = 4 << 20
    """Answers that wait for the client's window, on all streams."""
    known_blocks: int = 64
    """Header blocks that are remembered, none of them longer than a kilobyte."""
    recent_resets: int = 1_024
    """Streams reset by us whose late frames are ignored."""
    interval: float = 10.0
    """The time that an allowance is for."""
    allowances: Mapping[Flood, int] = field(default_factory=lambda: _ALLOWANCES)
    """Unproductive frames of each kind in one interval."""

    def __post_init__(self) -> None:
        if self.connection_window <= INITIAL_WINDOW:
            raise ValueError("connection_window cannot be made smaller than it is at first")
