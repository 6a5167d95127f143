r"""Flask and requests: the lane goes through, and no line of the service is about it.

    pip install colorfast flask requests opentelemetry-distro \
        opentelemetry-instrumentation-flask opentelemetry-instrumentation-requests
    export OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none
    PORT=8002 opentelemetry-instrument python flask_requests.py &
    PORT=8001 NEXT=http://127.0.0.1:8002 opentelemetry-instrument python flask_requests.py &
    curl -H 'x-lane: canary' http://127.0.0.1:8001/          # ["canary", "canary"]

Colorfast is found by `opentelemetry-instrument`; nothing has to be configured.
"""

import os

import requests
from flask import Flask

from colorfast.propagator import lane

app = Flask(__name__)


@app.get("/")
def hops() -> list[str | None]:
    """The lane of this hop, and of those behind it."""
    here = [lane.current()]  # only to show it
    following = os.environ.get("NEXT")
    return here + requests.get(following, timeout=5).json() if following else here


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
