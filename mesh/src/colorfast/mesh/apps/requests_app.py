"""A sample service on Flask and requests that has never heard of Colorfast.

Started by ``opentelemetry-instrument``, it forwards W3C baggage as any instrumented service does.
That ``/lane`` reads a member of it is for show.
"""

import os
from wsgiref.types import WSGIEnvironment

import requests
from flask import Flask, Response, request
from opentelemetry.baggage import get_baggage
from werkzeug.serving import WSGIRequestHandler, run_simple

NAME = os.environ["SERVICE_NAME"]
VERSION = os.environ["SERVICE_VERSION"]
CALLS = os.environ["SERVICE_CALLS"].split()
MEMBER = os.environ["COLORFAST_MEMBER"]

app = Flask(__name__)


@app.get("/")
def path() -> Response:
    """This hop, and the hops that its calls took."""
    return text(" ".join([f"-> {NAME}(version: {VERSION})", *call("/")]))


@app.get("/baggage")
def baggage() -> Response:
    """The baggage that reached this hop, and the hops that it calls."""
    received = request.headers.get("baggage", "")
    return text("\n".join([f"{NAME}: {received}", *call("/baggage")]))


@app.get("/lane")
def dyed() -> Response:
    """The lane that this hop's code sees, and those of the hops that it calls."""
    said = f"{NAME}: {get_baggage(MEMBER) or 'no lane'}, says OpenTelemetry's baggage"
    return text("\n".join([said, *call("/lane")]))


def text(body: str) -> Response:
    return Response(body, mimetype="text/plain")


def call(target: str) -> list[str]:
    answers = []
    for name in CALLS:
        answer = requests.get(f"http://{name}{target}", timeout=10)
        answer.raise_for_status()
        answers.append(answer.text)
    return answers


class Handler(WSGIRequestHandler):
    """Tells the application a name and a port, which a Unix socket has not."""

    def make_environ(self) -> WSGIEnvironment:
        # werkzeug would cut them out of the socket's path, and OpenTelemetry refuses the result.
        return super().make_environ() | {"SERVER_NAME": NAME, "SERVER_PORT": "80"}


if __name__ == "__main__":
    socket = f"unix://{os.environ['SERVICE_SOCKET']}"
    run_simple(socket, 0, app, request_handler=Handler, threaded=True)
