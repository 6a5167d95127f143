"""The ext_proc service: Envoy asks it about each request, and it answers by one LanePolicy.

``Processor`` is the core, bytes in and bytes out; ``serve`` and ``running`` put it on gRPC.
"""

from colorfast.extproc._answering import answering
from colorfast.extproc._errors import CODES, PeerError
from colorfast.extproc._processor import Processor
from colorfast.extproc._server import Running, running, serve
from colorfast.extproc._settings import Settings
from colorfast.extproc._stream import Station, StreamOptions

__all__ = [
    "CODES",
    "PeerError",
    "Processor",
    "Running",
    "Settings",
    "Station",
    "StreamOptions",
    "answering",
    "running",
    "serve",
]
