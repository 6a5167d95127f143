"""httpcore, which httpx uses: the pools, proxies' pools included."""

from collections.abc import Callable, Iterator
from typing import Any

from httpcore import AsyncConnectionPool, ConnectionPool

from colorfast.propagator.guard._guard import Guard
from colorfast.propagator.guard._install import Place


def httpcore(guard: Guard) -> Iterator[Place]:
    """Every request of httpcore."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        # For both: the coroutine function's coroutine is handed on as it is.
        def handle(self: Any, request: Any) -> Any:
            host = request.url.host
            if not guard.allows(host):
                request.headers = guard.kept(host, request.headers)
            return original(self, request)

        return handle

    yield Place(ConnectionPool, "handle_request", wrap)
    yield Place(AsyncConnectionPool, "handle_async_request", wrap)
