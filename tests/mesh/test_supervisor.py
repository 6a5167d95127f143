"""Children never outlive us and never die unnoticed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from colorfast.mesh import Supervisor, program
from colorfast.mesh._launch import start_envoy
from colorfast.policy import ColorfastError
from helpers.envoys import short_folder
from helpers.processes import alive, wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
IGNORE = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
)
STUBBORN = [sys.executable, "-c", f"{IGNORE}; time.sleep(600)"]


@pytest_asyncio.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    async with Supervisor(tmp_path) as running:
        yield running


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def test_children_end_with_the_block(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        children = [await supervisor.start(f"c{n}", SLEEP) for n in range(3)]
        pids = [child.process.pid for child in children]
        assert all(map(alive, pids))
    assert not any(map(alive, pids))


async def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        child = await supervisor.start("deaf", STUBBORN)

        async def is_deaf() -> bool:
            return "deaf" in child.log.read_text()

        await supervisor.ready(child, is_deaf, within=30)
        await supervisor.stop(child, grace=0.2)
        assert child.process.returncode == -signal.SIGKILL


async def test_a_dying_child_ends_the_work_with_its_last_words(supervisor: Supervisor) -> None:
    crash = [sys.executable, "-c", "import sys; sys.exit('the disk is on fire')"]
    await supervisor.start("envoy-1", crash)
    with pytest.raises(ColorfastError) as caught:
        await supervisor.guard(asyncio.sleep(600))
    assert caught.value.code == "CF612"
    assert caught.value.what == "envoy-1 exited with status 1"
    assert "the disk is on fire" in caught.value.why


async def test_a_killed_child_is_told_apart_from_one_that_exits(supervisor: Supervisor) -> None:
    child = await supervisor.start("victim", SLEEP)
    child.process.kill()
    with pytest.raises(ColorfastError, match="victim was killed by signal 9"):
        await supervisor.guard(asyncio.sleep(600))


async def test_an_envoy_that_refuses_its_configuration_says_why(supervisor: Supervisor) -> None:
    with short_folder() as folder:
        start = start_envoy(
            supervisor,
            "gateway",
            {"no_such_field": 1},
            file=folder / "envoy.json",
            admin=folder / "admin",
            within=30,
        )
        with pytest.raises(ColorfastError) as caught:
            await supervisor.guard(start)
    assert caught.value.code == "CF612"
    assert "no_such_field" in caught.value.why


async def test_a_wanted_end_is_no_death(supervisor: Supervisor) -> None:
    child = await supervisor.start("done", SLEEP)
    await supervisor.stop(child)
    assert await supervisor.guard(yes())


async def test_waiting_for_a_child_has_an_end(supervisor: Supervisor) -> None:
    child = await supervisor.start("silent", SLEEP)
    with pytest.raises(ColorfastError) as caught:
        await supervisor.ready(child, no, within=0.1)
    assert caught.value.code == "CF613"
    assert "silent does not answer after 0.1 seconds" in caught.value.what


async def test_cancelled_work_leaves_no_child(tmp_path: Path) -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            started.set_result((await supervisor.start("c", SLEEP)).process.pid)
            await supervisor.guard(asyncio.Event().wait())

    task = asyncio.create_task(work())
    pid = await started
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # as a second Ctrl-C does
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills orphans")
async def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = (
        "import asyncio, pathlib, sys\n"
        "from colorfast.mesh import Supervisor\n"
        "async def main():\n"
        "    async with Supervisor(pathlib.Path(sys.argv[1])) as supervisor:\n"
        "        child = await supervisor.start('c', sys.argv[2:])\n"
        "        print(child.process.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, str(tmp_path), *SLEEP, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    assert alive(pid)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    wait_until(lambda: not alive(pid), "the orphan is gone")


def test_a_missing_program_says_how_to_get_it() -> None:
    with pytest.raises(ColorfastError) as caught:
        program("no-such-program-here")
    assert caught.value.code == "CF615"
    assert "pip install" in caught.value.fix
