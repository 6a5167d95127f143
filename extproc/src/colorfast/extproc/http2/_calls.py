"""The requests of one connection, and what is done with each: a *plan*.

Theory of operation. A request's head decides its plan, and requests with the same header block
share one. Most plans are a ``Method``: it gets the messages of a gRPC call one by one, and answers
as it likes, at once or later. The others refuse a call, or answer a request that is no gRPC.

What goes on in a call happens within ``receive``: no task, no queue, no waiting. A message is
answered before the next frame is looked at.

A plan is handed a stream with every piece of DATA, and with the end of the request. That it is
*closed* is told once, whatever ended it, but only of streams that are ``followed``: Envoy resets
every stream that it has an answer to, and for most plans that is nothing to know. A stream whose
answer is complete gets the plan ``FINISHED``, so that it is not handed to anybody any more.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from time import monotonic
from typing import Final

from colorfast.extproc.http2 import _grpc as grpc
from colorfast.extproc.http2._connection import Connection
from colorfast.extproc.http2._events import Kind
from colorfast.extproc.http2._grpc import GrpcFault, Status
from colorfast.extproc.http2._head import Head
from colorfast.extproc.http2._limits import Limits
from colorfast.extproc.http2._streams import OPEN, Stream

_LOG = logging.getLogger("colorfast.extproc")

_DATA: Final = Kind.DATA
_PREFIX: Final = grpc.PREFIX.size
_HEADERS: Final = grpc.HEADERS
_prefix = grpc.PREFIX.unpack_from
_pack = grpc.PREFIX.pack


class Plan(ABC):
    """What is done with requests of one kind. Holds nothing of a single one."""

    @abstractmethod
    def data(self, calls: "Calls", stream: "CallStream", data: bytes) -> None:
        """*data* of its body has come; ``stream.ended`` says whether that was all."""

    def closed(self, calls: "Calls", stream: "CallStream") -> None:  # noqa: B027 (most need none)
        """Nothing can be sent any more on a stream that was ``followed``."""


CallStream = Stream[Plan]


class Calls:
    """One connection's requests. *resolve* finds the plan for a head; *flush* writes output."""

    def __init__(
        self,
        resolve: Callable[[Head], Plan],
        limits: Limits | None = None,
        *,
        flush: Callable[[], None] = lambda: None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.connection: Final = Connection(resolve, self.limits, now)
        self.flush = flush
        """For answers that no byte of the client has just asked for."""
        self.held = 0
        """Bytes of messages that are not complete yet."""

    def receive(self, data: bytes) -> None:
        """Take *data* of the client, and answer what can be answered."""
        for kind, stream, payload in self.connection.receive(data):
            if kind is _DATA:
                stream.plan.data(self, stream, payload)
            else:
                self._close(stream)

    def send(self, stream: CallStream, message: bytes) -> None:
        """Send one message of the answer."""
        headers = b"" if stream.answered else _HEADERS
        self.connection.send(stream, _pack(0, len(message)) + message, headers)

    def finish(self, stream: CallStream, status: int, why: str = "") -> None:
        """End the answer with a gRPC status."""
        make = grpc.trailers if stream.answered else grpc.trailers_only
        self.connection.end(stream, make(status, why))
        self._close(stream)

    def respond(self, stream: CallStream, block: bytes, body: bytes) -> None:
        """Answer a request that is no gRPC, as a whole."""
        if body:
            self.connection.send(stream, body, block)
            self.connection.end(stream)
        else:
            self.connection.end(stream, block)
        self._close(stream)

    def hold(self, stream: CallStream, received: bytearray) -> None:
        """Keep *received*, the start of a message. Raises GrpcFault when too much is kept."""
        stream.received = received
        stream.followed = True
        self.held += len(received)
        if self.held > self.limits.held:
            raise GrpcFault(Status.RESOURCE_EXHAUSTED, "too many unfinished messages")

    def release(self, stream: CallStream) -> bytearray:
        """What is kept of a message on *stream*; it is not kept any more."""
        received, stream.received = stream.received or bytearray(), None
        self.held -= len(received)
        return received

    def lost(self) -> None:
        """The connection is gone, and all that is on it."""
        for stream in list(self.connection.streams.values()):
            self._close(stream)

    def _close(self, stream: CallStream) -> None:
        if stream.received is not None:
            self.release(stream)
        plan, stream.plan = stream.plan, FINISHED
        if stream.followed:
            plan.closed(self, stream)


class Method(Plan):
    """A gRPC method: takes messages, answers by ``calls.send`` and ``calls.finish``."""

    @abstractmethod
    def message(self, calls: Calls, stream: CallStream, message: bytes) -> None:
        """One message has come. Raises GrpcFault to end the call."""

    @abstractmethod
    def ended(self, calls: Calls, stream: CallStream) -> None:
        """No more messages will come: the client has half-closed."""

    def data(self, calls: Calls, stream: CallStream, data: bytes) -> None:
        """Cut messages out of *data*."""
        try:
            # Nearly always a frame is one message, whole.
            if (
                stream.received is None
                and len(data) >= _PREFIX
                and _prefix(data) == (0, len(data) - _PREFIX)
            ):
                self.message(calls, stream, data[_PREFIX:])
            elif data:
                self._assemble(calls, stream, data)
            if stream.state != OPEN and stream.plan is self:
                self._end(calls, stream)
        except GrpcFault as fault:
            calls.finish(stream, fault.status, fault.why)
        except Exception:  # noqa: BLE001 (a call must not take others with it)
            _LOG.exception("a message could not be answered")
            if stream.plan is self:
                calls.finish(stream, Status.UNKNOWN, "a message could not be answered")

    def _end(self, calls: Calls, stream: CallStream) -> None:
        if stream.received is not None:
            raise GrpcFault(Status.INTERNAL, "the last message is not complete")
        self.ended(calls, stream)

    def _assemble(self, calls: Calls, stream: CallStream, data: bytes) -> None:
        received = calls.release(stream)
        received += data
        for message in grpc.messages(received, calls.limits.message):
            self.message(calls, stream, message)
            if stream.plan is not self:
                return
        if received:
            calls.hold(stream, received)


class Refusal(Plan):
    """A gRPC call that cannot be.

    It is told so when its first message comes, not before: grpcio's clients that are just about to
    send one would report an internal error instead of the status.
    """

    def __init__(self, status: int, why: str) -> None:
        self._status = status
        self._why = why

    def data(self, calls: Calls, stream: CallStream, data: bytes) -> None:
        """End it, whatever *data* is."""
        calls.finish(stream, self._status, self._why)


class Page(Plan):
    """An answer to what is no gRPC: a header block and a body, once the request is complete."""

    def __init__(self, block: bytes, body: bytes) -> None:
        self._block = block
        self._body = body

    def data(self, calls: Calls, stream: CallStream, data: bytes) -> None:
        """Pass over *data*; answer when it was the last."""
        if stream.state != OPEN:
            calls.respond(stream, self._block, self._body)


class _Finished(Plan):
    def data(self, calls: Calls, stream: CallStream, data: bytes) -> None:
        pass


FINISHED: Final = _Finished()
"""The plan of a stream whose answer is complete."""
