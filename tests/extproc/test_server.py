"""Start and stop: addresses, order, drain, signals, logs."""

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpc
import pytest
from extproc.support import DEADLINE, PC, ask, engine, message, service, start, until, written

from colorfast.extproc import CODES, Processor, Settings, answering, running
from colorfast.extproc._address import Address
from colorfast.extproc._logs import JsonFormatter
from colorfast.policy import ColorfastError, InvalidInput
from helpers import policies

pytestmark = pytest.mark.usefixtures("transport")

REQUEST = message([("agent", b"pc")])


# Addresses.


@pytest.mark.parametrize(
    "text", ["127.0.0.1:50051", "[::1]:0", "localhost:65535", "unix:/run/colorfast/ep"]
)
def test_an_address_is_shown_as_it_was_written(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", ":1", "host", "host:", "host:x", "host:65536", "::1:50051", "unix:", "host:-1"]
)
def test_what_is_no_address_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ColorfastError, match="write host:port") as caught:
        Address.parse(text)
    assert caught.value.code == "CF601"


async def test_the_bound_port_is_told(folder: Path) -> None:
    async with service(folder, listen="127.0.0.1:0", admin="127.0.0.1:0") as started:
        assert started.address.startswith("127.0.0.1:")
        assert started.admin is not None
        assert not {started.address, started.admin} & {"127.0.0.1:0"}
        async with grpc.aio.insecure_channel(started.address) as channel:
            assert written(await ask(channel, REQUEST))[0]["x-lane"] == b"canary"


@pytest.mark.parametrize("which", ["listen", "admin"])
async def test_a_port_that_is_taken_is_a_clear_error(folder: Path, which: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ColorfastError) as caught:
            async with service(folder, **{which: address}):
                pass
    assert caught.value.code == "CF601"
    assert (caught.value.what, caught.value.why) == (
        f"cannot listen on {address}",
        "Address already in use",
    )


async def test_two_services_never_share_a_port(folder: Path) -> None:
    async with service(folder, listen="127.0.0.1:0") as started:
        with pytest.raises(ColorfastError, match="cannot listen"):
            async with service(folder, listen=started.address):
                pass
        async with grpc.aio.insecure_channel(started.address) as channel:
            await ask(channel, REQUEST)


async def test_a_socket_that_is_served_is_not_taken_over(folder: Path) -> None:
    async with service(folder) as started:
        with pytest.raises(ColorfastError) as caught:
            async with service(folder):
                pass
        async with grpc.aio.insecure_channel(started.address) as channel:
            await ask(channel, REQUEST)
    assert caught.value.why == "another process listens there"


async def test_a_socket_that_was_left_behind_is_replaced(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{folder}/ep")
    async with service(folder) as started, grpc.aio.insecure_channel(started.address) as channel:
        await ask(channel, REQUEST)
    assert not (folder / "ep").exists()


@pytest.mark.parametrize("path", ["file", "none/ep", "x" * 200])
async def test_a_path_that_cannot_be_a_socket_is_a_clear_error(folder: Path, path: str) -> None:
    (folder / "file").write_text("precious")
    with pytest.raises(ColorfastError) as caught:
        async with service(folder, listen=f"unix:{folder}/{path}"):
            pass
    assert caught.value.code == "CF601"
    assert (folder / "file").read_text() == "precious"


async def test_a_broken_policy_starts_nothing(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="CF201"):
        async with service(folder, "default: nowhere"):
            pass
    assert not (folder / "ep").exists()


@pytest.mark.parametrize("wrong", [{"drain_delay": -1.0}, {"grace": -1.0}, {"poll": 0.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Settings(policy="p.yaml", **wrong)  # type: ignore[arg-type]


def test_codes_have_a_level_and_a_title() -> None:
    assert all(level in ("error", "warning") and title for level, title in CODES.values())


# Drain.


async def test_while_it_drains_requests_are_still_answered(folder: Path) -> None:
    async with service(folder, drain_delay=DEADLINE) as started:
        draining = asyncio.create_task(started.drain())
        await until(lambda: not started.health.serving)
        async with grpc.aio.insecure_channel(started.address) as channel:
            assert written(await ask(channel, REQUEST))[0]["x-lane"] == b"canary"
        assert not draining.done()
        started.hurry()
        await draining


async def test_open_streams_may_finish(folder: Path) -> None:
    channel = grpc.aio.insecure_channel(f"unix:{folder}/ep")
    async with service(folder) as started:
        call = start(channel)
        await call.write(REQUEST)
        await call.read()
        finishing = asyncio.create_task(started.finish())
        await until(lambda: not started.health.serving)
        await call.write(REQUEST)
        assert isinstance(await call.read(), bytes)
        assert not finishing.done()
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK
        await finishing
    await channel.close()


@pytest.mark.parametrize("hurried", [True, False])
async def test_streams_that_do_not_finish_are_ended(
    folder: Path, hurried: bool, caplog: pytest.LogCaptureFixture
) -> None:
    channel = grpc.aio.insecure_channel(f"unix:{folder}/ep")
    async with service(folder, grace=DEADLINE if hurried else 0.05) as started:
        calls = [start(channel) for _ in range(5)]
        for call in calls:
            await call.write(REQUEST)
            await call.read()
        if hurried:
            started.hurry()
    assert started.processor.counters.streams_active == 0
    codes = {await call.code() for call in calls}
    assert codes <= {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
    await channel.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def tasks_of_the_server() -> set[str]:
    """Coroutines that run, by name; ours and those of gRPC's client calls left out."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    names = {getattr(task.get_coro(), "__qualname__", repr(task)) for task in others}
    return {name for name in names if not name.startswith("_AioCall.")}


@pytest.mark.parametrize("whole", [True, False])
async def test_no_task_is_left_that_a_closing_loop_would_complain_about(
    folder: Path, whole: bool
) -> None:
    address = f"unix:{folder}/ep"
    for _ in range(5):
        processor = Processor(engine())
        serving: AbstractAsyncContextManager[object] = (
            service(folder, grace=0.0) if whole else answering(processor, address)
        )
        # A connection of its own: not the last round's, whose server has gone.
        alone = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(address, options=alone) as channel:
            async with serving:
                for call in [start(channel) for _ in range(30)]:
                    await call.write(REQUEST)
                    await call.read()
            assert tasks_of_the_server() == set()


async def test_a_service_can_start_again_at_once(folder: Path) -> None:
    for _ in range(3):
        async with (
            service(folder, listen="127.0.0.1:0") as started,
            grpc.aio.insecure_channel(started.address) as channel,
        ):
            await ask(channel, REQUEST)


async def test_running_leaves_no_task_behind(folder: Path) -> None:
    async with service(folder, admin="127.0.0.1:0"):
        pass
    assert asyncio.all_tasks() == {asyncio.current_task()}


# The process: serve(), signals, logs.

SERVE = """
import asyncio, sys
from colorfast.extproc import Settings, serve
settings = Settings(policy=sys.argv[1], listen=sys.argv[2], admin=None, poll=3600.0,
                    drain_delay=float(sys.argv[3]), grace=60.0, log_format="json")
asyncio.run(serve(settings, ready=lambda service: print(service.address, flush=True)))
"""


@asynccontextmanager
async def serving(folder: Path, drain_delay: float) -> AsyncIterator[asyncio.subprocess.Process]:
    (folder / "policy.yaml").write_text(policies.file(PC))
    arguments = (folder / "policy.yaml", f"unix:{folder}/ep", str(drain_delay))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVE, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            assert await process.stdout.readline() == f"unix:{folder}/ep\n".encode()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, list[str]]:
    """Exit code and log messages of a process that is about to end."""
    async with asyncio.timeout(DEADLINE):
        _, stderr = await process.communicate()
    entries = [json.loads(line) for line in stderr.splitlines()]
    assert all(set(entry) == {"ts", "level", "logger", "msg"} for entry in entries)
    return process.returncode, [entry["msg"] for entry in entries]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_ends_it(folder: Path, number: signal.Signals) -> None:
    async with serving(folder, 0.05) as process:
        process.send_signal(number)
        code, log = await ended(process)
    assert code == 0
    assert [line.split()[0] for line in log] == ["serving", "draining", "stopped"]


async def test_a_second_signal_ends_it_at_once(folder: Path) -> None:
    async with serving(folder, 3600.0) as process:
        channel = grpc.aio.insecure_channel(f"unix:{folder}/ep")
        call = start(channel)
        await call.write(REQUEST)
        await call.read()
        assert process.stderr is not None
        await process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            assert b"draining" in await process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == (0, ["stopped"])
        await channel.close()


async def test_sighup_reads_the_policy(folder: Path) -> None:
    async with serving(folder, 0.0) as process:
        assert process.stderr is not None
        await process.stderr.readline()
        (folder / "policy.yaml").write_text(policies.file("default: nowhere"))
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(DEADLINE):
            refused = json.loads(await process.stderr.readline())
        assert (refused["level"], refused["msg"][:5]) == ("error", "CF602")
        (folder / "policy.yaml").write_text(policies.file("default: base"))
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(DEADLINE):
            assert b"policy reloaded" in await process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0


def test_a_json_line_holds_the_traceback_of_an_exception() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.getLogger("colorfast").makeRecord(
            "colorfast", logging.ERROR, "f", 1, "that %s", ("failed",), sys.exc_info()
        )
    entry = json.loads(JsonFormatter().format(record))
    assert (entry["level"], entry["logger"], entry["msg"]) == ("error", "colorfast", "that failed")
    assert entry["error"].endswith("ValueError: why")


async def test_running_sets_up_neither_signals_nor_logs(folder: Path) -> None:
    (folder / "policy.yaml").write_text(policies.file(PC))
    before = signal.getsignal(signal.SIGTERM), list(logging.getLogger().handlers)
    settings = Settings(policy=f"{folder}/policy.yaml", listen=f"unix:{folder}/ep", admin=None)
    async with running(settings):
        assert (signal.getsignal(signal.SIGTERM), logging.getLogger().handlers) == before
