"""The examples in examples/services that need no broker, started as they say."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import grpc
import pytest
from brokers.process import LOOPBACK, answers, free_ports, insisting, running

SERVICES = Path(__file__).parents[2] / "examples" / "services"
INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")
QUIET = {f"OTEL_{one}_EXPORTER": "none" for one in ("TRACES", "METRICS", "LOGS")}
WITHIN = 60.0


@contextlib.contextmanager
def two_hops(example: str, scheme: str, folder: Path) -> Iterator[str]:
    """Two processes of *example*, the first of which calls the second; the first's address."""
    first, second = free_ports(2)
    command = [str(INSTRUMENT), sys.executable, str(SERVICES / example)]
    with contextlib.ExitStack() as stack:
        for port, env in (
            (second, {}),
            (first, {"NEXT": f"{scheme}{LOOPBACK}:{second}"}),
        ):
            env |= {"PORT": str(port), **QUIET}
            stack.enter_context(
                running(f"hop-{port}", command, folder, lambda: answers(port), env=env)  # noqa: B023 (called at once)
            )
        yield f"{scheme}{LOOPBACK}:{first}"


@pytest.mark.parametrize("example", ["flask_requests.py", "fastapi_httpx.py", "aiohttp_both.py"])
def test_the_lane_goes_through_http_services(example: str, tmp_path: Path) -> None:
    with insisting(lambda: two_hops(example, "http://", tmp_path)) as url:
        assert get(url, {"x-lane": "canary"}) == ["canary", "canary"]
        assert get(url, {"baggage": "tenant=blue,lane=pr-1"}) == ["pr-1", "pr-1"]
        assert get(url, {}) == [None, None]


def get(url: str, headers: dict[str, str]) -> list[str | None]:
    with urlopen(Request(url, headers=headers), timeout=WITHIN) as response:
        found: list[str | None] = json.load(response)
        return found


def test_the_lane_goes_through_grpc_services(tmp_path: Path) -> None:
    with insisting(lambda: two_hops("grpc_both.py", "", tmp_path)) as target:
        with grpc.insecure_channel(target) as channel:
            hops: Any = channel.unary_unary("/shop.Orders/Hops")
            assert hops(b"", metadata=[("x-lane", "canary")], timeout=WITHIN) == b"canary canary"
            assert hops(b"", timeout=WITHIN) == b"None None"
        command = [str(INSTRUMENT), sys.executable, str(SERVICES / "grpc_both.py"), target, "pr-1"]
        assert output(command) == "pr-1 pr-1\n"


def output(command: list[str]) -> str:
    env = {**os.environ, **QUIET}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=env, timeout=WITHIN, check=True)
    return done.stdout.decode()


def test_every_example_says_how_it_is_run() -> None:
    for path in SERVICES.glob("*.py"):
        text = path.read_text()
        assert "pip install colorfast" in text, path.name
        assert f"python {path.name}" in text, path.name
