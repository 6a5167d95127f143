"""The ext_proc service: Envoy asks it about each request, and it answers by one LanePolicy.

``Processor`` is the core, bytes in and bytes out; ``serve`` and ``running`` put it on gRPC.
"""

from colorfast.extproc._answering import answering
from colorfast.extproc._errors import CODES, PeerError, client_is_missing
from colorfast.extproc._loop import loop_factory
from colorfast.extproc._object_name import ObjectName
from colorfast.extproc._processor import Processor
from colorfast.extproc._server import Running, running, serve
from colorfast.extproc._settings import EngineName, Settings
from colorfast.extproc._stream import Station, StreamOptions
from colorfast.extproc._tls import Tls
from colorfast.extproc._transport import TransportName
from colorfast.extproc._workers import Workers, supervise

__all__ = [
    "CODES",
    "EngineName",
    "ObjectName",
    "PeerError",
    "Processor",
    "Running",
    "Settings",
    "Station",
    "StreamOptions",
    "Tls",
    "TransportName",
    "Workers",
    "answering",
    "client_is_missing",
    "loop_factory",
    "running",
    "serve",
    "supervise",
]
