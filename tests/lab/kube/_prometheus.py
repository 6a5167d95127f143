"""A Prometheus of one answer: what an AnalysisRun asks, over HTTP on loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD, BAD = 1.0, 0.5


class Prometheus(ThreadingHTTPServer):
    """Answers every query with one number; who asks under another path may get another one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, float] = {}
        """By the first part of the path; GOOD else."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        value = self.server.answers.get(self.path.split("/")[1], GOOD)
        result = [{"metric": {}, "value": [0, str(value)]}]
        data: Any = {"status": "success", "data": {"resultType": "vector", "result": result}}
        body = json.dumps(data).encode()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 (its name there)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass


@contextmanager
def running_prometheus() -> Iterator[Prometheus]:
    """A server until the block ends."""
    with Prometheus() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
