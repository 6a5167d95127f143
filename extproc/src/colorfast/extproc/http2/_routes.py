"""What can be called: ext_proc, ``grpc.health.v1``, and nothing else."""

from collections.abc import Callable  # noqa: TC003 (types are for running code, too)
from typing import Final

from colorfast.extproc._errors import PeerError
from colorfast.extproc._health import EXTERNAL_PROCESSOR, SERVICES, Health, service_of
from colorfast.extproc._processor import Processor
from colorfast.extproc._reports import Reports
from colorfast.extproc._stream import StreamOptions
from colorfast.extproc.http2._calls import Calls, CallStream, Method, Page, Plan, Refusal
from colorfast.extproc.http2._grpc import GrpcFault, Status, is_grpc
from colorfast.extproc.http2._head import Head
from colorfast.extproc.http2._hpack import encode

PROCESS: Final = f"/{EXTERNAL_PROCESSOR}/Process".encode()
CHECK: Final = b"/grpc.health.v1.Health/Check"
WATCH: Final = b"/grpc.health.v1.Health/Watch"

_METADATA: Final = b"colorfast-"


class Routes:
    """Finds the plan for a request."""

    def __init__(self, processor: Processor, health: Health | None, reports: Reports) -> None:
        self._processor = processor
        self._reports = reports
        self._methods: dict[bytes, Method] = {}
        if health is not None:
            self._methods = {CHECK: Check(health), WATCH: Watch(health)}

    def resolve(self, head: Head) -> Plan:
        """The plan for *head*."""
        if not is_grpc(head.first(b"content-type")):
            return page(head, 415, b"the content-type must be application/grpc")
        if head.method != b"POST":
            return page(head, 405, b"the method must be POST")
        if head.path == PROCESS:
            return self._process(head)
        return self._methods.get(head.path) or Refusal(Status.UNIMPLEMENTED, "no such method")

    def _process(self, head: Head) -> Plan:
        pairs = (
            (name.decode(), value.decode("latin-1"))
            for name, value in head.fields
            if name.startswith(_METADATA)
        )
        try:
            options = StreamOptions.from_metadata(pairs)
        except PeerError as error:
            return Misled(error, self._reports)
        return Process(self._processor, options, self._reports)


class Process(Method):
    """``ExternalProcessor/Process``: each message is answered by the processor."""

    def __init__(self, processor: Processor, options: StreamOptions, reports: Reports) -> None:
        self._process = processor.process
        self._options = options
        self._reports = reports

    def message(self, calls: Calls, stream: CallStream, message: bytes) -> None:
        """Answer, or end the call."""
        try:
            answer = self._process(message, self._options)
        except PeerError as error:
            self._reports.report(error)
            calls.finish(stream, error.grpc_status, error.what)
        else:
            calls.send(stream, answer)

    def ended(self, calls: Calls, stream: CallStream) -> None:
        """Everything was answered already."""
        calls.finish(stream, Status.OK)


class Misled(Refusal):
    """A call of a filter that was configured wrongly."""

    def __init__(self, error: PeerError, reports: Reports) -> None:
        super().__init__(error.grpc_status, error.what)
        self._error = error
        self._reports = reports

    def data(self, calls: Calls, stream: CallStream, data: bytes) -> None:
        """Say so, in the log too."""
        self._reports.report(self._error)
        super().data(calls, stream, data)


class Check(Method):
    """``Health/Check``: one message, one answer."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def message(self, calls: Calls, stream: CallStream, message: bytes) -> None:
        """Answer once."""
        service = _service(message)
        if stream.answered:
            raise GrpcFault(Status.INTERNAL, "a second message, where one was expected")
        if service not in SERVICES:
            raise GrpcFault(Status.NOT_FOUND, "no such service")
        calls.send(stream, self._health.status(service))

    def ended(self, calls: Calls, stream: CallStream) -> None:
        """The answer is complete."""
        if not stream.answered:
            raise GrpcFault(Status.INTERNAL, "no message, where one was expected")
        calls.finish(stream, Status.OK)


class Watch(Method):
    """``Health/Watch``: one message, then an answer whenever the status is another one."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._watched: dict[CallStream, Callable[[], None]] = {}

    def message(self, calls: Calls, stream: CallStream, message: bytes) -> None:
        """Begin to watch."""
        service = _service(message)
        if stream in self._watched:
            raise GrpcFault(Status.INTERNAL, "a second message, where one was expected")
        last = b""

        def tell() -> None:
            nonlocal last
            status = self._health.status(service)
            if status != last:
                calls.send(stream, status)
                last = status
            if self._health.closed:
                calls.finish(stream, Status.OK)
            calls.flush()

        stream.followed = True
        self._watched[stream] = self._health.listen(tell)
        tell()

    def ended(self, calls: Calls, stream: CallStream) -> None:
        """It goes on: clients half-close once they have asked."""
        if stream not in self._watched:
            raise GrpcFault(Status.INTERNAL, "no message, where one was expected")

    def closed(self, calls: Calls, stream: CallStream) -> None:
        """Watch no more."""
        unlisten = self._watched.pop(stream, None)
        if unlisten is not None:
            unlisten()


def page(head: Head, status: int, text: bytes) -> Page:
    """An answer in words, for people and tools that speak no gRPC."""
    body = b"This is a gRPC service: " + text + b".\n"
    block = encode(
        [
            (b":status", b"%d" % status),
            (b"content-type", b"text/plain"),
            (b"content-length", b"%d" % len(body)),
        ]
    )
    return Page(block, b"" if head.method == b"HEAD" else body)


def _service(message: bytes) -> str:
    service = service_of(message)
    if service is None:
        raise GrpcFault(Status.INVALID_ARGUMENT, "not a HealthCheckRequest")
    return service
