"""HTTP/2 for one gRPC service, made for Envoy's ext_proc calls: the transport ``http2``.

From the core outwards, each knowing only those before it:

- ``_frames``, ``_hpack``, ``_streams``: how things are written, and the table of states.
- ``_connection``, ``_sending``: one connection without IO: bytes in, events out; answers in, bytes
  out. With ``_blocks`` (header blocks), ``_outbox`` (flow control) and ``_guards`` (floods).
- ``_calls``: gRPC on it: messages, statuses, and a *plan* for each kind of request.
- ``_routes``: the plans of this service.
- ``_protocol``, ``_server``: the rim. TCP, Unix sockets, TLS; asyncio and uvloop.
"""

from colorfast.extproc.http2._calls import Calls, Method, Page, Plan, Refusal
from colorfast.extproc.http2._connection import Connection
from colorfast.extproc.http2._errors import ErrorCode, Flood
from colorfast.extproc.http2._events import Event, Kind
from colorfast.extproc.http2._limits import Limits
from colorfast.extproc.http2._server import Http2Transport

__all__ = [
    "Calls",
    "Connection",
    "ErrorCode",
    "Event",
    "Flood",
    "Http2Transport",
    "Kind",
    "Limits",
    "Method",
    "Page",
    "Plan",
    "Refusal",
]
