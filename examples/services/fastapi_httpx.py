r"""FastAPI and httpx: the lane goes through, and no line of the service is about it.

    pip install colorfast fastapi uvicorn httpx opentelemetry-distro \
        opentelemetry-instrumentation-fastapi opentelemetry-instrumentation-httpx
    export OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none
    PORT=8002 opentelemetry-instrument python fastapi_httpx.py &
    PORT=8001 NEXT=http://127.0.0.1:8002 opentelemetry-instrument python fastapi_httpx.py &
    curl -H 'x-lane: canary' http://127.0.0.1:8001/          # ["canary", "canary"]

Without OpenTelemetry's SDK: `app.add_middleware(colorfast.propagator.asgi.LaneMiddleware)`, and
`headers=lane.headers()` in each call.
"""

import os

import httpx
import uvicorn
from fastapi import FastAPI

from colorfast.propagator import lane

app = FastAPI()


@app.get("/")
async def hops() -> list[str | None]:
    """The lane of this hop, and of those behind it."""
    here = [lane.current()]  # only to show it
    following = os.environ.get("NEXT")
    if not following:
        return here
    async with httpx.AsyncClient(timeout=5) as client:
        return here + (await client.get(following)).json()


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]))
