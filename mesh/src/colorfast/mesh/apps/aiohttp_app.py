"""A sample service on aiohttp. It knows nothing about lanes.

Started by ``opentelemetry-instrument``, it forwards W3C baggage as any instrumented service does.
"""

import os
from collections.abc import Awaitable, Callable

from aiohttp import ClientSession, ClientTimeout, web
from opentelemetry import context, propagate

NAME = os.environ["SERVICE_NAME"]
VERSION = os.environ["SERVICE_VERSION"]
CALLS = os.environ["SERVICE_CALLS"].split()


@web.middleware
async def extracted_context(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    # OpenTelemetry's instrumentation of aiohttp's server extracts the caller's context and then
    # keeps the span of it only: baggage is lost. This is what the other instrumentations do.
    token = context.attach(propagate.extract(request.headers))
    try:
        return await handler(request)
    finally:
        context.detach(token)


async def path(request: web.Request) -> web.Response:
    """This hop, and the hops that its calls took."""
    return web.Response(text=" ".join([f"-> {NAME}(version: {VERSION})", *await call("/")]))


async def baggage(request: web.Request) -> web.Response:
    """The baggage that reached this hop, and the hops that it calls."""
    received = ", ".join(request.headers.getall("baggage", []))
    return web.Response(text="\n".join([f"{NAME}: {received}", *await call("/baggage")]))


async def call(target: str) -> list[str]:
    # trust_env: the sidecar is the proxy that the environment names.
    async with ClientSession(trust_env=True, timeout=ClientTimeout(total=10)) as session:
        answers = []
        for name in CALLS:
            async with session.get(f"http://{name}{target}", raise_for_status=True) as response:
                answers.append(await response.text())
        return answers


if __name__ == "__main__":
    app = web.Application(middlewares=[extracted_context])
    app.add_routes([web.get("/", path), web.get("/baggage", baggage)])
    web.run_app(app, path=os.environ["SERVICE_SOCKET"], shutdown_timeout=0.5, print=None)
