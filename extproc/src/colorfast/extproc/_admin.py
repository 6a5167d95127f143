"""Admin HTTP: ``/healthz /readyz /policy /metrics``. Everything is read-only."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from colorfast.extproc._health import Health
from colorfast.extproc._metrics import registry
from colorfast.extproc._processor import Processor
from colorfast.extproc._reload import PolicyState
from colorfast.extproc._watch import Watcher

PATHS: Final = ("/healthz", "/readyz", "/policy", "/metrics")

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admin:
    """The handlers, and what they look at."""

    def __init__(self, *, health: Health, watcher: Watcher, processor: Processor) -> None:
        self._health = health
        self._watcher = watcher
        self._processor = processor
        self._metrics = registry(processor, watcher)

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
        if self._health.serving:
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "not serving"}, status=503)

    async def _policy(self, _: web.Request) -> web.Response:
        return web.json_response(policy_json(self._watcher.state, self._processor.unforwarded))

    async def _scrape(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        # Not through content_type=: aiohttp takes no parameters there.
        return web.Response(body=encode(self._metrics), headers={"content-type": content_type})


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
