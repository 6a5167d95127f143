"""What a stream's initial gRPC metadata says about it.

Envoy's filter sets it, the same for every request, so that HPACK sends it as an index:

- ``colorfast-station: dye | carry``; absent, ``dye``.
- ``colorfast-forwards``: comma list of what the filter was configured for: the header names that
  its ``forward_rules`` let through, ``source.address`` when that attribute is sent, and at an
  entrance ``edge.drop`` or ``edge.accept``; absent, not known.
- ``colorfast-metadata: on``: answer with dynamic metadata too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

from colorfast.extproc._errors import INVALID_ARGUMENT, PeerError

Station: TypeAlias = Literal["dye", "carry"]
"""``dye`` at an entrance, ``carry`` at a hop."""

STATIONS: Final[tuple[Station, ...]] = get_args(Station)

_PREFIX = "colorfast-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """How the messages of one stream are to be answered."""

    station: Station = "dye"
    forwards: frozenset[str] | None = None
    """What Envoy sends; None when it does not say."""
    metadata: bool = False
    """Whether answers carry dynamic metadata."""

    @staticmethod
    def from_metadata(pairs: Iterable[tuple[str, str | bytes]]) -> "StreamOptions":
        """Read *pairs* of initial metadata; those of others are skipped.

        Equal metadata gives the very same object. Raises PeerError (INVALID_ARGUMENT) for a
        station that does not exist.
        """
        return _parse(tuple((key, value) for key, value in pairs if key.startswith(_PREFIX)))


@lru_cache(maxsize=256)
def _parse(pairs: tuple[tuple[str, str | bytes], ...]) -> StreamOptions:
    values = {key: value for key, value in pairs if isinstance(value, str)}
    wanted = values.get("colorfast-station", "dye")
    station = next((station for station in STATIONS if station == wanted), None)
    if station is None:
        raise PeerError(
            "CF605",
            "the stream asks for a station that does not exist",
            why=f"colorfast-station is one of {', '.join(STATIONS)}",
            fix="generate the filter's configuration again",
            grpc_status=INVALID_ARGUMENT,
        )
    forwards = values.get("colorfast-forwards")
    return StreamOptions(
        station=station,
        forwards=None if forwards is None else _names(forwards),
        metadata=values.get("colorfast-metadata") == "on",
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())
