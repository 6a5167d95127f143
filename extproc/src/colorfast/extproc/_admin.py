"""Admin HTTP: ``/healthz /readyz /policy /metrics``. Everything is read-only."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from colorfast.extproc._address import Address, cannot_bind
from colorfast.extproc._guard import Guard
from colorfast.extproc._health import Health
from colorfast.extproc._metrics import registry
from colorfast.extproc._processor import Processor
from colorfast.extproc._reload import PolicyState
from colorfast.extproc._watch import Watcher

PATHS: Final = ("/healthz", "/readyz", "/policy", "/metrics")

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Shown(Protocol):
    """What admin HTTP looks at: one service, or the parent of several."""

    @property
    def serving(self) -> bool:
        """Whether requests are wanted."""
        ...

    async def policy(self) -> dict[str, Any]:
        """What ``/policy`` shows."""
        ...

    async def metrics(self) -> CollectorRegistry:
        """What ``/metrics`` shows."""
        ...


class ServiceShown:
    """One service as admin HTTP shows it."""

    def __init__(
        self,
        *,
        health: Health,
        watcher: Watcher,
        processor: Processor,
        guard: Guard | None = None,
    ) -> None:
        self._health = health
        self._watcher = watcher
        self._processor = processor
        self._metrics = registry(processor, watcher, guard)

    @property
    def serving(self) -> bool:
        """Whether requests are wanted."""
        return self._health.serving

    async def policy(self) -> dict[str, Any]:
        """The policy that is served."""
        return policy_json(self._watcher.state, self._processor.unforwarded)

    async def metrics(self) -> CollectorRegistry:
        """What was counted."""
        return self._metrics


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


def policy_json(state: PolicyState, unforwarded: frozenset[str]) -> dict[str, Any]:
    """What ``/policy`` shows: the policy that is served, and why the file is not, if it is not."""
    policy = state.engine.policy
    refusal = state.refusal
    return {
        "name": policy.name,
        "digest": policy.digest,
        "file": state.file,
        "loadedAt": _time(state.loaded_at),
        "rules": len(policy.active_rules),
        "warnings": [diagnostic.as_json() for diagnostic in state.warnings],
        "unforwarded": sorted(unforwarded),
        "lastRefusal": refusal
        and {
            "at": _time(refusal.at),
            "diagnostics": [diagnostic.as_json() for diagnostic in refusal.diagnostics],
        },
    }


@web.middleware
async def _errors_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        body = {"error": error.reason, "paths": PATHS}
        allow = error.headers.get("allow")
        headers = {"allow": allow} if allow else None
        return web.json_response(body, status=error.status, headers=headers)


def _time(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")
