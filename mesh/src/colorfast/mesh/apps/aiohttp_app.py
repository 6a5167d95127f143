"""A sample service on aiohttp that carries its lane by Colorfast's SDK.

``opentelemetry-instrument`` with ``OTEL_PROPAGATORS=tracecontext,baggage,colorfast`` puts the lane
on its calls; the middleware is what a server on aiohttp needs besides.
"""

import os

from aiohttp import ClientSession, ClientTimeout, web

from colorfast.propagator import lane
from colorfast.propagator.aiohttp import lane_middleware

NAME = os.environ["SERVICE_NAME"]
VERSION = os.environ["SERVICE_VERSION"]
CALLS = os.environ["SERVICE_CALLS"].split()


async def path(request: web.Request) -> web.Response:
    """This hop, and the hops that its calls took."""
    return web.Response(text=" ".join([f"-> {NAME}(version: {VERSION})", *await call("/")]))


async def baggage(request: web.Request) -> web.Response:
    """The baggage that reached this hop, and the hops that it calls."""
    received = ", ".join(request.headers.getall("baggage", []))
    return web.Response(text="\n".join([f"{NAME}: {received}", *await call("/baggage")]))


async def dyed(_: web.Request) -> web.Response:
    """The lane that this hop's code sees, and those of the hops that it calls."""
    said = f"{NAME}: {lane.current() or 'no lane'}, says Colorfast's SDK"
    return web.Response(text="\n".join([said, *await call("/lane")]))


async def call(target: str) -> list[str]:
    # trust_env: the sidecar is the proxy that the environment names.
    async with ClientSession(trust_env=True, timeout=ClientTimeout(total=10)) as session:
        answers = []
        for name in CALLS:
            async with session.get(f"http://{name}{target}", raise_for_status=True) as response:
                answers.append(await response.text())
        return answers


if __name__ == "__main__":
    app = web.Application(middlewares=[lane_middleware])
    app.add_routes([web.get("/", path), web.get("/baggage", baggage), web.get("/lane", dyed)])
    web.run_app(app, path=os.environ["SERVICE_SOCKET"], shutdown_timeout=0.5, print=None)
