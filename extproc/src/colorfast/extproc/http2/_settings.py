"""The client's SETTINGS (RFC 9113 section 6.5)."""

from typing import Final

from colorfast.extproc.http2 import _frames as frames
from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode
from colorfast.extproc.http2._frames import SETTING, Setting

_LARGEST_FRAME: Final = (1 << 24) - 1


def parse(payload: bytes) -> list[tuple[int, int]]:
    """Parameters and values in their order; unknown ones too. Raises ConnectionFault."""
    if len(payload) % SETTING.size:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong length")
    pairs = list(SETTING.iter_unpack(payload))
    for key, value in pairs:
        _check(key, value)
    return pairs


def _check(key: int, value: int) -> None:
    match key:
        case Setting.ENABLE_PUSH if value > 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
        case Setting.INITIAL_WINDOW_SIZE if value > frames.MAX_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "the initial window is too large")
        case Setting.MAX_FRAME_SIZE if not frames.MAX_FRAME_SIZE <= value <= _LARGEST_FRAME:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE is out of range")
