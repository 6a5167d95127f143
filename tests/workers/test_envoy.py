"""Workers behind a real Envoy with two threads: shares, sums, and deaths under load."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from extproc.support import PC
from workers.support import restarts, serving, states, worker_pids

from colorfast.envoy import ExtProcOptions, bootstrap, ext_proc_chain, extproc_cluster
from helpers import policies
from helpers.envoys import echo_upstream, get, running_envoy
from helpers.load import Load
from helpers.processes import wait_until
from helpers.services import Service

LINES = [(b"agent", b"pc")]
TCP = ("--listen", "127.0.0.1:0")
ENOUGH = 300
"""Requests to be answered after something has happened."""


@contextmanager
def edge(folder: Path, service: Service, **options: Any) -> Iterator[str]:
    """An Envoy with two threads in front of *service*; the path of its socket."""
    policy = policies.policy(PC)
    first, *others = [one["address"] for one in service.shown()["workers"]]
    chosen = ExtProcOptions(target=first, endpoints=tuple(others), message_timeout=20.0, **options)
    routes = [
        bootstrap.route("canary", "canary", headers={"x-lane": "canary"}),
        bootstrap.route("base", "base"),
    ]
    host = bootstrap.virtual_host("all", routes)
    manager = bootstrap.connection_manager("edge", [host], ext_proc_chain(policy, chosen))
    upstreams = [bootstrap.cluster(name, f"unix:{folder}/{name}") for name in ("base", "canary")]
    config = bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[bootstrap.listener("edge", f"unix:{folder}/edge", manager)],
        clusters=[*upstreams, extproc_cluster(chosen)],
    )
    with ExitStack() as stack:
        for name in ("base", "canary"):
            stack.enter_context(echo_upstream(folder / name, name))
        stack.enter_context(running_envoy(config, concurrency=2))
        yield f"{folder}/edge"


def more(load: Load, count: int = ENOUGH) -> None:
    """Wait for *count* more requests."""
    before = load.outcomes.total()
    wait_until(lambda: load.outcomes.total() >= before + count, "more requests")


def upstreams(load: Load) -> set[object]:
    """Where requests went; ``failed`` is nowhere."""
    return {outcome[0] for outcome in load.outcomes}


def threads_used(folder: Path) -> int:
    """How many of Envoy's threads have taken requests."""
    text = get(f"{folder}/admin", "/stats?filter=listener.*worker_.*downstream_cx_total")[1]
    return sum(not line.endswith(": 0") for line in text.splitlines())


def test_both_workers_get_their_share_and_metrics_add_up(folder: Path) -> None:
    with serving(folder) as service, edge(folder, service) as path:
        with Load(path, LINES, clients=8) as load:
            more(load, 600)
        sent = load.outcomes.total()
        counts = [
            service.metric(f'colorfast_worker_messages_total{{worker="{number}"}}')
            for number in (0, 1)
        ]
        assert service.metric("colorfast_extproc_message_duration_seconds_count") == sent
        assert sum(counts) == sent
        assert threads_used(folder) == 2
        # Each thread deals in turn; what is left over is one a thread, and one to begin with.
        assert abs(counts[0] - counts[1]) <= 4
        assert upstreams(load) == {"canary"}


@pytest.mark.parametrize(
    ("options", "number", "undyed"),
    [
        pytest.param(("http2",), signal.SIGKILL, 0, id="http2-killed"),
        pytest.param(("http2",), signal.SIGTERM, 0, id="http2-drained"),
        pytest.param(("http2", *TCP), signal.SIGKILL, 0, id="tcp-killed"),
        pytest.param(("grpcio",), signal.SIGKILL, 0, id="grpcio-killed"),
        # It resets streams whose answers have begun; those cannot be tried again.
        pytest.param(("grpcio",), signal.SIGTERM, 8, id="grpcio-drained"),
    ],
)
def test_no_request_notices_that_a_worker_ends(
    folder: Path, options: tuple[str, ...], number: signal.Signals, undyed: int
) -> None:
    with (
        serving(folder, "--transport", *options) as service,
        edge(folder, service) as path,
        Load(path, LINES, clients=8) as load,
    ):
        more(load)
        os.kill(worker_pids(service)[0], number)
        more(load)
        wait_until(lambda: restarts(service) == 1 and states(service) == ["ready"] * 2, "two")
        before = service.metric('colorfast_worker_messages_total{worker="0"}')
        more(load)
        wait_until(
            lambda: service.metric('colorfast_worker_messages_total{worker="0"}') > before,
            "it gets requests again",
        )
    assert upstreams(load) <= ({"canary", "base"} if undyed else {"canary"})
    assert sum(count for went, count in load.outcomes.items() if went[0] == "base") <= undyed


def test_without_retries_some_pass_undyed_and_none_fails(folder: Path) -> None:
    with (
        serving(folder) as service,
        edge(folder, service, retries=0) as path,
        Load(path, LINES, clients=8) as load,
    ):
        more(load)
        os.kill(worker_pids(service)[0], signal.SIGKILL)
        wait_until(lambda: "base" in upstreams(load), "some have passed undyed")
        wait_until(lambda: restarts(service) == 1 and states(service) == ["ready"] * 2, "two")
    assert upstreams(load) == {"base", "canary"}


def test_without_any_worker_requests_pass_undyed(folder: Path) -> None:
    with serving(folder) as service, edge(folder, service) as path:
        service.kill()
        with Load(path, LINES, clients=4) as load:
            more(load, 50)
    assert "failed" not in upstreams(load)
    assert "base" in upstreams(load)
