"""The lane for aiohttp servers, with OpenTelemetry's instrumentation or without.

That instrumentation takes the caller's context and keeps only the span of it, so a server on
aiohttp needs this middleware in any case. It goes along with the instrumentation's.

>>> from aiohttp import web
>>> from colorfast.propagator.aiohttp import lane_middleware
>>> app = web.Application(middlewares=[lane_middleware])
"""

from aiohttp import web
from aiohttp.typedefs import Handler

from colorfast.propagator.lane import from_headers


@web.middleware
async def lane_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run *handler* in the lane of *request*."""
    with from_headers(request.headers.items()):
        return await handler(request)
