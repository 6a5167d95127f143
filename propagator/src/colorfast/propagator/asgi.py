"""The lane for ASGI applications (Starlette, FastAPI) without OpenTelemetry's SDK.

>>> from colorfast.propagator.asgi import LaneMiddleware
>>> app = LaneMiddleware(app)  # doctest: +SKIP
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from colorfast.propagator.lane import from_headers

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class LaneMiddleware:
    """Runs *app* in the lane of each request and websocket."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if "headers" not in scope:  # the lifespan has none
            await self.app(scope, receive, send)
            return
        with from_headers(scope["headers"]):
            await self.app(scope, receive, send)
