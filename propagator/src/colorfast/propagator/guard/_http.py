"""``http.client``, which urllib uses, and urllib3, which requests uses: a connection's request."""

import http.client
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from colorfast.propagator.guard._guard import Guard
from colorfast.propagator.guard._install import Place


def http_client(guard: Guard) -> Iterator[Place]:
    """Every request of the standard library."""
    yield Place(http.client.HTTPConnection, "request", _wrapper(guard))


def urllib3(guard: Guard) -> Iterator[Place]:
    """Every request of urllib3; its connections send by themselves."""
    from urllib3.connection import HTTPConnection  # noqa: PLC0415

    yield Place(HTTPConnection, "request", _wrapper(guard))
    if "request_chunked" in vars(HTTPConnection):  # urllib3 1
        yield Place(HTTPConnection, "request_chunked", _wrapper(guard))


def _wrapper(guard: Guard) -> Callable[[Any], Any]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def request(
            self: Any,
            method: str,
            url: str,
            body: Any = None,
            headers: Any = None,
            *args: Any,
            **options: Any,
        ) -> Any:
            if headers:
                host = _host(self, url)
                if not guard.allows(host):
                    headers = guard.kept_mapping(host, headers)
            return original(self, method, url, body, headers or {}, *args, **options)

        return request

    return wrap


def _host(connection: Any, url: str) -> str:
    """Whom *connection* calls: through a proxy it is connected to somebody else."""
    if url.startswith(("http://", "https://")):
        return urlsplit(url).hostname or ""
    return str(getattr(connection, "_tunnel_host", None) or connection.host)
