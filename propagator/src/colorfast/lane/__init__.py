"""Lanes: their names, and the W3C baggage member that carries one through applications.

The lowest layer: pure functions over bytes, the standard library only.
"""

from colorfast.lane._member import Member, Reading, join_lines
from colorfast.lane._names import (
    LANE_NAME,
    MAX_LANE_LENGTH,
    OWS,
    TOKEN,
    LaneSet,
    is_family,
    is_lane_name,
    lanes_regex,
)

__all__ = [
    "LANE_NAME",
    "MAX_LANE_LENGTH",
    "OWS",
    "TOKEN",
    "LaneSet",
    "Member",
    "Reading",
    "is_family",
    "is_lane_name",
    "join_lines",
    "lanes_regex",
]
