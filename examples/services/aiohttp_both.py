r"""aiohttp on both sides. The server needs one middleware, for OpenTelemetry's keeps only the span.

    pip install colorfast aiohttp opentelemetry-distro \
        opentelemetry-instrumentation-aiohttp-server opentelemetry-instrumentation-aiohttp-client
    export OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none
    PORT=8002 opentelemetry-instrument python aiohttp_both.py &
    PORT=8001 NEXT=http://127.0.0.1:8002 opentelemetry-instrument python aiohttp_both.py &
    curl -H 'x-lane: canary' http://127.0.0.1:8001/          # ["canary", "canary"]
"""

import os

from aiohttp import ClientSession, web

from colorfast.propagator import lane
from colorfast.propagator.aiohttp import lane_middleware


async def hops(request: web.Request) -> web.Response:
    """The lane of this hop, and of those behind it."""
    here = [lane.current()]  # only to show it
    following = os.environ.get("NEXT")
    if following:
        async with ClientSession() as session, session.get(following) as answer:
            here += await answer.json()
    return web.json_response(here)


if __name__ == "__main__":
    app = web.Application(middlewares=[lane_middleware])
    app.add_routes([web.get("/", hops)])
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]))
