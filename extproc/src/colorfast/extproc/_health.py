"""The gRPC health checking protocol, ``grpc.health.v1``: what Check and Watch answer.

Kubernetes' ``grpc:`` probes call Check, Envoy's health checks call Check, gRPC clients call Watch.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import DecodeError

from colorfast.extproc.wire import HealthCheckRequest, HealthCheckResponse

EXTERNAL_PROCESSOR: Final = "envoy.service.ext_proc.v3.ExternalProcessor"

SERVICES: Final = frozenset({"", EXTERNAL_PROCESSOR})
"""What can be asked for; the empty name is the server as a whole."""

_SERVING = HealthCheckResponse(status=HealthCheckResponse.SERVING).SerializeToString()
_NOT_SERVING = HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING).SerializeToString()
_UNKNOWN = HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN).SerializeToString()


class Health:
    """Whether this server wants requests, told to whoever asks or watches."""

    def __init__(self) -> None:
        self._serving = False
        self._closed = False
        self._listeners: dict[object, Callable[[], None]] = {}

    @property
    def serving(self) -> bool:
        """Whether requests are wanted. False while it starts and while it drains."""
        return self._serving

    @serving.setter
    def serving(self, serving: bool) -> None:
        self._serving = serving
        self._tell()

    @property
    def closed(self) -> bool:
        """Whether it will never serve again, so that a watch can end."""
        return self._closed

    def close(self) -> None:
        """Not serving for good: every watcher is told, and its stream ends."""
        self._closed = True
        self.serving = False

    def status(self, service: str) -> bytes:
        """The serialised HealthCheckResponse for *service*."""
        if service not in SERVICES:
            return _UNKNOWN
        return _SERVING if self._serving else _NOT_SERVING

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call *changed* whenever the status may have changed; what is returned ends that."""
        key = object()
        self._listeners[key] = changed

        def unlisten() -> None:
            self._listeners.pop(key, None)

        return unlisten

    def _tell(self) -> None:
        for changed in tuple(self._listeners.values()):
            changed()


def service_of(message: bytes) -> str | None:
    """The service that a serialised HealthCheckRequest asks for; None when it is none."""
    try:
        return HealthCheckRequest.FromString(message).service
    except DecodeError:
        return None
