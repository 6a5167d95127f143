"""Real processes: addresses, restarts, signals, and what the parent shows of all."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from extproc.support import DEADLINE, ask, until
from workers.support import (
    REQUEST,
    dye,
    dyed,
    metrics,
    restarts,
    serving,
    states,
    supervised,
    worker_pids,
)

from colorfast.extproc import Settings, _seat
from colorfast.extproc._address import Address
from colorfast.extproc._workers import working
from colorfast.policy import ColorfastError, InvalidInput
from helpers import policies
from helpers.envoys import get
from helpers.processes import alive, descendants, wait_until
from helpers.services import Service

DECISIONS = 'colorfast_extproc_decisions_total{lane="canary",rule="pc-users",station="dye"}'


def colorfast(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "colorfast.cli", "serve", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=3 * DEADLINE, check=False
    )


# Addresses.


@pytest.mark.parametrize(
    ("listen", "second"),
    [
        ("127.0.0.1:9000", "127.0.0.1:9001"),
        ("[::1]:9000", "[::1]:9001"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("unix:/run/ep", "unix:/run/ep.1"),
    ],
)
def test_each_worker_has_an_address_of_its_own(listen: str, second: str) -> None:
    assert str(Address.parse(listen).of_worker(1)) == second


def test_there_is_no_port_above_the_last() -> None:
    with pytest.raises(ColorfastError, match="cannot listen on") as caught:
        Address.parse("127.0.0.1:65535").of_worker(1)
    assert (caught.value.code, caught.value.why) == ("CF601", "worker 1 would need port 65536")


async def test_workers_get_a_port_each(folder: Path) -> None:
    async with supervised(folder, listen="127.0.0.1:0", workers=2) as workers:
        one, other = workers.addresses
        assert one != other
        await dyed(one)
        await dyed(other)


async def test_workers_can_share_a_port(folder: Path) -> None:
    async with supervised(folder, listen="127.0.0.1:0", reuse_port=True, workers=2) as workers:
        one, other = workers.addresses
        assert one == other != "127.0.0.1:0"
        for _ in range(5):
            await dyed(one)


async def test_a_shared_port_is_shared_with_nobody_else(folder: Path) -> None:
    shared = {"listen": "127.0.0.1:0", "reuse_port": True, "workers": 2}
    async with supervised(folder, **shared) as workers:
        with pytest.raises(ColorfastError) as caught:
            async with supervised(folder, **(shared | {"listen": workers.addresses[0]})):
                pass
    assert caught.value.code == "CF601"


@pytest.mark.parametrize(
    "wrong",
    [{"workers": 0}, {"reuse_port": True, "listen": "unix:/ep"}, {"socket_mode": 0o1777}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        Settings(policy="p.yaml", **wrong)  # type: ignore[arg-type]


# One that shows all.


def test_metrics_are_sums_and_never_fall(folder: Path) -> None:
    with serving(folder) as service:
        dye(f"{service.target}.0", 30)
        dye(f"{service.target}.1", 12)
        assert service.metric(DECISIONS) == 42
        assert service.metric("colorfast_extproc_message_duration_seconds_count") == 42
        assert service.metric('colorfast_worker_messages_total{worker="0"}') == 30
        # Its count is told once a second, so that a death costs no more than that.
        wait_until(lambda: restarts(service) == 0, "asked")
        os.kill(worker_pids(service)[0], signal.SIGKILL)
        wait_until(lambda: restarts(service) == 1 and states(service) == ["ready"] * 2, "two")
        assert service.metric(DECISIONS) == 42
        dye(f"{service.target}.0")
        dye(f"{service.target}.1")
        assert service.metric(DECISIONS) == 44


async def test_what_is_not_told_in_time_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_seat, "ANSWER_WITHIN", 0.05)
    async with supervised(folder) as workers:
        [*pids] = descendants(os.getpid())
        os.kill(pids[0], signal.SIGSTOP)
        try:
            shown = await workers.policy()
        finally:
            os.kill(pids[0], signal.SIGCONT)
    assert shown["name"] == "shop"


def test_the_policy_page_tells_of_each(folder: Path) -> None:
    with serving(folder) as service:
        shown = service.shown()
    assert shown["rules"] == 1
    assert shown["workers"] == [
        {
            "worker": number,
            "address": f"{service.target}.{number}",
            "state": "ready",
            "restarts": 0,
            "digest": shown["digest"],
        }
        for number in (0, 1)
    ]


async def test_it_is_ready_when_all_were_and_as_long_as_one_is(folder: Path) -> None:
    admin = f"{folder}/admin"
    async with supervised(folder, admin=f"unix:{admin}") as workers:
        assert (await asyncio.to_thread(get, admin, "/readyz"))[0] == 200
        first, second = workers.seats
        first.kill()
        await until(lambda: first.state != "ready")
        assert workers.serving
        second.kill()
        await until(lambda: not workers.serving)
        assert (await asyncio.to_thread(get, admin, "/readyz"))[0] == 503
        await until(lambda: first.state == second.state == "ready")
        workers.drain()
        assert not workers.serving


def test_a_worker_loads_nothing_that_it_does_not_need() -> None:
    """Each costs every worker memory, and every new start time in which one is missing."""
    program = "import sys, colorfast.extproc._worker; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=True).stdout
    assert not {"aiohttp", "click", "grpc"} & set(loaded.decode().split())


# Deaths.


def test_a_worker_that_is_killed_comes_back_at_its_address(folder: Path) -> None:
    with serving(folder, workers=1 + 1) as service:
        before = worker_pids(service)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: restarts(service) == 1 and states(service) == ["ready"] * 2, "two")
        assert len(set(worker_pids(service)) - set(before)) == 1
        dye(f"{service.target}.0")
        dye(f"{service.target}.1")
        [line] = [line for line in service.log() if "CF620" in line]
    assert "was ended by SIGKILL; starting it again in 0 s" in line


async def test_a_tcp_worker_comes_back_at_its_port(folder: Path) -> None:
    async with supervised(folder, listen="127.0.0.1:0") as workers:
        addresses = workers.addresses
        async with grpc.aio.insecure_channel(addresses[0]) as channel:
            await ask(channel, REQUEST)
            workers.seats[0].kill()
            await until(lambda: workers.seats[0].restarts)
        await until(lambda: workers.seats[0].state == "ready")
        assert workers.addresses == addresses
        await dyed(addresses[0])


async def test_a_worker_that_hangs_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_seat, "SILENCE", 2.5)
    monkeypatch.setattr(_seat, "END_WITHIN", 0.1)
    async with supervised(folder, workers=2) as workers:
        pid = min(descendants(os.getpid()))
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: any(seat.restarts for seat in workers.seats))
        await until(lambda: all(seat.state == "ready" for seat in workers.seats))
        assert not alive(pid)


def test_a_worker_that_comes_back_serves_what_the_others_serve(folder: Path) -> None:
    """The file may be broken by then."""
    with serving(folder) as service:
        digest = service.shown()["digest"]
        service.swap(policies.file("default: nowhere"))
        wait_until(lambda: service.shown()["lastRefusal"], "refused")
        for pid in worker_pids(service):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: restarts(service) == 2 and states(service) == ["ready"] * 2, "two")
        assert {worker["digest"] for worker in service.shown()["workers"]} == {digest}
        wait_until(lambda: service.shown()["lastRefusal"], "refused again")
        dye(f"{service.target}.0")


def test_no_worker_outlives_its_parent(folder: Path) -> None:
    with serving(folder) as service:
        pids = worker_pids(service)
        assert len(pids) == 2
        service.kill()
        wait_until(lambda: not any(map(alive, pids)), "the workers have ended")


# What cannot start.


@pytest.mark.parametrize("admin", ["none", "127.0.0.1:0"])
def test_a_broken_policy_ends_it_as_it_does_without_workers(folder: Path, admin: str) -> None:
    file = folder / "p.yaml"
    file.write_text(policies.file("default: nowhere"))
    listen = f"unix:{folder}/ep"
    ended = colorfast(
        *("--policy", str(file), "--listen", listen, "--admin", admin, "--workers", "2")
    )
    assert ended.returncode == 65
    assert f"{file}:6:12: error CF201" in ended.stderr
    assert list(folder.iterdir()) == [file]


def test_an_address_that_is_taken_ends_it(folder: Path) -> None:
    (folder / "p.yaml").write_text(policies.file())
    (folder / "ep.1").write_text("precious")
    ended = colorfast(
        *("--policy", f"{folder}/p.yaml", "--listen", f"unix:{folder}/ep"),
        *("--admin", "none", "--workers", "2"),
    )
    assert ended.returncode == 1
    assert f"error CF601: cannot listen on unix:{folder}/ep.1" in ended.stderr
    assert not (folder / "ep.0").exists()


async def test_a_worker_that_dies_at_the_start_ends_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ColorfastError, match="ended with status 1 before") as caught:
        async with supervised(folder):
            pass
    assert caught.value.code == "CF620"
    assert not descendants(os.getpid())


async def test_a_broken_policy_is_told_with_its_diagnostics(folder: Path) -> None:
    other = folder / "other.yaml"
    other.write_text(policies.file("default: nowhere\nbaseline: nobody"))
    with pytest.raises(InvalidInput) as caught:
        async with supervised(folder, policy=str(other)):
            pass
    assert [one.code for one in caught.value.diagnostics] == ["CF201", "CF201"]
    assert not descendants(os.getpid())


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 1000])
async def test_who_is_asked_to_end_while_it_starts_ends(folder: Path, turns: int) -> None:
    (folder / "p.yaml").write_text(policies.file())
    settings = Settings(
        policy=f"{folder}/p.yaml",
        listen=f"unix:{folder}/ep",
        admin=None,
        workers=2,
        drain_delay=0.0,
        grace=3600.0,
    )
    async with working(settings) as workers:
        running = asyncio.create_task(workers.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        workers.drain()
        async with asyncio.timeout(DEADLINE):
            await running
    assert not descendants(os.getpid())


# Signals.


def lines(service: Service, words: str) -> int:
    return sum(words in line for line in service.log())


def test_sighup_reaches_each(folder: Path) -> None:
    with serving(folder, "--poll", "3600") as service:
        service.swap(policies.file("default: canary"))
        os.kill(service.pid, signal.SIGHUP)
        wait_until(lambda: lines(service, "policy reloaded") == 2, "both have reloaded")


def test_a_changed_file_reaches_each(folder: Path) -> None:
    with serving(folder) as service:
        before = service.shown()["digest"]
        service.swap(policies.file("default: canary"))
        wait_until(lambda: lines(service, "policy reloaded") == 2, "both have reloaded")
        digests = {worker["digest"] for worker in service.shown()["workers"]}
        assert len(digests) == 1
        assert before not in digests
        assert service.metric('colorfast_policy_reloads_total{result="success"}') == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_all(folder: Path, number: signal.Signals) -> None:
    with serving(folder) as service:
        pids = worker_pids(service)
        os.kill(service.pid, number)
        assert service.wait() == 0
        assert not any(map(alive, pids))
        assert lines(service, "CF620") == 0
        assert service.log()[-1].endswith("stopped")
    assert [path.name for path in folder.iterdir() if path.is_socket()] == []


def test_while_they_drain_requests_are_answered(folder: Path) -> None:
    with serving(folder, "--drain-delay", "3600", "--grace", "3600") as service:
        os.kill(service.pid, signal.SIGTERM)
        wait_until(lambda: lines(service, "draining") == 1, "draining")
        dye(f"{service.target}.0")
        dye(f"{service.target}.1")
        os.kill(service.pid, signal.SIGTERM)
        assert service.wait() == 0
        assert not descendants(service.pid)


def test_a_signal_to_everybody_still_drains(folder: Path) -> None:
    """As systemd does it: each worker gets the signal itself, and the word of its parent."""
    with serving(folder, "--drain-delay", "3600") as service:
        for pid in (service.pid, *worker_pids(service)):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: lines(service, "draining") == 1, "draining")
        dye(f"{service.target}.0")
        dye(f"{service.target}.1")
        os.kill(service.pid, signal.SIGTERM)
        assert service.wait() == 0


def test_a_worker_that_is_asked_to_end_drains_and_is_replaced(folder: Path) -> None:
    with serving(folder) as service:
        os.kill(worker_pids(service)[0], signal.SIGTERM)
        wait_until(lambda: restarts(service) == 1 and states(service) == ["ready"] * 2, "two")
        assert lines(service, "ended with status 0; starting it again") == 1


def test_lines_say_which_worker_they_are_of(folder: Path) -> None:
    with serving(folder, "--log-format", "json") as service:
        wait_until(lambda: lines(service, '"worker": 1') > 0, "worker 1 has said something")
        assert lines(service, '"worker": 0') > 0
        assert metrics(f"{folder}/service.admin")['colorfast_worker_up{worker="1"}'] == 1
