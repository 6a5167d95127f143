"""What ``Connection.receive`` yields."""

from enum import Enum
from typing import TypeAlias, TypeVar

from colorfast.extproc.http2._streams import Stream

T = TypeVar("T")


class Kind(Enum):
    """What happened on a stream.

    That a request has begun is no event: there is nothing to do before something of it has come,
    or its end.
    """

    DATA = "data"
    """Some of its body. With nothing in it the body may have ended, with the head or trailers."""
    GONE = "gone"
    """A stream that is ``followed`` was reset, by the client or for its fault."""


Event: TypeAlias = tuple[Kind, Stream[T], bytes]
"""After an event, ``stream.ended`` says whether the client has ended its side."""
