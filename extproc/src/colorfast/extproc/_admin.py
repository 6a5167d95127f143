"""Admin HTTP: ``/healthz /readyz /policy /metrics``. Everything is read-only.

Imported only where it is wanted: a worker needs none, and would start slower and be larger.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from colorfast.extproc._address import Address, cannot_bind
from colorfast.extproc._shown import Shown

PATHS: Final = ("/healthz", "/readyz", "/policy", "/metrics")

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admin:
    """The handlers, and what they look at."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def app(self) -> web.Application:
        """An application to run on any site."""
        app = web.Application(middlewares=[_errors_as_json])
        handlers = (self._healthz, self._readyz, self._policy, self._scrape)
        app.add_routes(
            [web.get(path, handler) for path, handler in zip(PATHS, handlers, strict=True)]
        )
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._shown.serving:
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "not serving"}, status=503)

    async def _policy(self, _: web.Request) -> web.Response:
        return web.json_response(await self._shown.policy())

    async def _scrape(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        body = encode(await self._shown.metrics())
        # Not through content_type=: aiohttp takes no parameters there.
        return web.Response(body=body, headers={"content-type": content_type})


@asynccontextmanager
async def serving_admin(shown: Shown, text: str) -> AsyncIterator[str]:
    """Admin HTTP at the address *text* for as long as the block lasts; yields what was bound.

    Raises ColorfastError (CF601).
    """
    address = Address.parse(text)
    address.claim()
    runner = web.AppRunner(Admin(shown).app(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        yield str(address.at(await _site(runner, address)))
    finally:
        await runner.cleanup()
        address.release()


async def _site(runner: web.AppRunner, address: Address) -> int:
    """Listen, and the port that was bound."""
    if address.path:
        await web.UnixSite(runner, address.path).start()
        return 0
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        why = error.strerror or str(error)
        raise cannot_bind(str(address), why, "choose another") from None
    return int(runner.addresses[0][1])


@web.middleware
async def _errors_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        body = {"error": error.reason, "paths": PATHS}
        allow = error.headers.get("allow")
        headers = {"allow": allow} if allow else None
        return web.json_response(body, status=error.status, headers=headers)
