"""The lane for WSGI applications (Flask, Django) without OpenTelemetry's SDK.

>>> from colorfast.propagator.wsgi import LaneMiddleware
>>> app.wsgi_app = LaneMiddleware(app.wsgi_app)  # doctest: +SKIP
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from opentelemetry.context import Context

from colorfast.propagator._settings import settings
from colorfast.propagator.lane import attached, extract

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class LaneMiddleware:
    """Runs *app* in the lane of each request, and the body that it yields, too."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app
        self._header = settings().header
        self._key = "HTTP_" + self._header.upper().replace("-", "_")

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        lines = [(self._header, environ.get(self._key)), ("baggage", environ.get("HTTP_BAGGAGE"))]
        context = extract([(name, value) for name, value in lines if value])
        with attached(context):
            body = self.app(environ, start_response)
        # Of what else is returned, code of the application may run when it is asked for.
        return body if isinstance(body, (list, tuple)) else _Body(body, context)


class _Body:
    def __init__(self, body: Iterable[bytes], context: Context) -> None:
        self._body = body
        self._context = context
        self._pieces: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with attached(self._context):
            if self._pieces is None:
                self._pieces = iter(self._body)
            return next(self._pieces)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            with attached(self._context):
                close()
