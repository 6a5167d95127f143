"""A real Envoy for a test, its upstreams, and a client that sends raw bytes.

Everything listens on Unix sockets in a folder of its own, so there are no ports to run out of.
"""

import contextlib
import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from colorfast.envoy import Json
from colorfast.envoy.bootstrap import dump

ENVOY = str(Path(sys.executable).with_name("envoy"))
DEADLINE = 30.0


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path leaves room for socket names (108 bytes at most)."""
    folder = Path(tempfile.mkdtemp(prefix="cf-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def validate(config: Json) -> None:
    """Have the real Envoy check *config*."""
    with short_folder() as folder:
        path = folder / "envoy.json"
        path.write_text(dump(config))
        command = [ENVOY, "--mode", "validate", "--disable-hot-restart", "-c", str(path)]
        result = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
        assert result.returncode == 0, result.stderr.decode()[-3000:]


@contextlib.contextmanager
def running_envoy(config: Json, *, concurrency: int = 1) -> Iterator[None]:
    """Run *config*, whose admin endpoint is on a Unix socket, until the block ends.

    *concurrency* is the number of Envoy's worker threads.
    """
    admin = config["admin"]["address"]["pipe"]["path"]
    path = Path(admin).with_suffix(".json")
    path.write_text(dump(config))
    log = path.with_suffix(".log")
    command = [ENVOY, "--disable-hot-restart", "--concurrency", str(concurrency)]
    command += ["-c", str(path)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            _wait_ready(admin, process, log)
            yield
        finally:
            process.kill()


def _wait_ready(admin: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(OSError):
            if get(admin, "/ready")[0] == 200:
                return
        time.sleep(0.02)
    raise AssertionError(f"Envoy is not ready: {log.read_text()[-3000:]}")


def get(path: str, target: str) -> tuple[int, str]:
    """GET *target* from the server on the Unix socket *path*."""
    connection = http.client.HTTPConnection("localhost", timeout=DEADLINE)
    connection.sock = connect(path)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def connect(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(DEADLINE)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What reached an upstream: which one, and the header lines in order, as bytes."""

    upstream: str
    lines: tuple[tuple[bytes, bytes], ...]

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.lines if key.lower() == name]


def send(path: str, lines: list[tuple[bytes, bytes]], *, target: bytes = b"/") -> Seen:
    """Send one HTTP/1.1 request with exactly these header lines; tell what the upstream saw."""
    head = [b"GET %s HTTP/1.1" % target, b"host: shop.example.com", b"connection: close"]
    head += [name + b": " + value for name, value in lines]
    with connect(path) as sock:
        sock.sendall(b"\r\n".join(head) + b"\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    head_of_answer, _, body = answer.partition(b"\r\n\r\n")
    assert head_of_answer.startswith(b"HTTP/1.1 200"), answer[:300]
    return _seen(body)


def send_http2(path: str, lines: list[tuple[bytes, bytes]]) -> Seen:
    """Send one HTTP/2 request with these header lines; tell what the upstream saw."""
    transport = httpx.HTTPTransport(uds=path, http1=False, http2=True)
    with httpx.Client(transport=transport, timeout=DEADLINE, trust_env=False) as client:
        answer = client.get("http://shop.example.com/", headers=lines)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
    return _seen(answer.content)


def _seen(body: bytes) -> Seen:
    upstream, _, seen = body.partition(b"\n")
    pairs = [line.partition(b":") for line in seen.split(b"\r\n")[1:] if line]
    return Seen(
        upstream=upstream.decode(), lines=tuple((key, value[1:]) for key, _, value in pairs)
    )


@contextlib.contextmanager
def echo_upstream(path: Path, name: str) -> Iterator[None]:
    """A server on the Unix socket *path* that answers with its name and the request's head."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(64)
    thread = threading.Thread(target=_echo, args=(server, name.encode()), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(DEADLINE)


def _echo(server: socket.socket, name: bytes) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(client, name), daemon=True).start()


def _answer(client: socket.socket, name: bytes) -> None:
    with client, contextlib.suppress(TimeoutError):  # an idle connection is nobody's failure
        client.settimeout(DEADLINE)
        buffer = b""
        while data := client.recv(65536):
            buffer += data
            if buffer.endswith(b"\r\n\r\n"):  # requests without a body only
                body = name + b"\n" + buffer.removesuffix(b"\r\n\r\n")
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                buffer = b""
