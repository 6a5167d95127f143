"""What the benchmarks read: tools' output, the kernel's figures, the command line."""

import asyncio
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks._cpu import Cores, Meter, family, pinned, resident
from benchmarks._load import Generator, Load
from benchmarks._options import Options
from benchmarks._processes import _ADDRESS, _READY
from benchmarks._request import CURL
from benchmarks._text import brief


def test_a_load_without_answers_is_an_error() -> None:
    with pytest.raises(ValueError, match="no request"):
        Load.parse('{"requests": 0, "seconds": 1, "p50": 0, "p99": 0, "failed": 0}')


@pytest.mark.parametrize("tool", ["wrk", "our own"])
async def test_a_generator_takes_all_paths_in_turn_and_counts_failures(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool == "wrk" and shutil.which("wrk") is None:
        pytest.skip("there is no wrk")
    seen = set[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                seen.add(head.split()[1])
                status = b"200" if b"agent: pc\r\n" in head else b"500"
                writer.write(b"HTTP/1.1 " + status + b" X\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    if tool != "wrk":
        monkeypatch.setattr("shutil.which", lambda name: None)
    load = Generator(tmp_path, ())
    assert load.name.startswith(tool)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        done = await load.run(port, connections=2, seconds=1, headers=CURL, paths=3)
        refused = await load.run(port, connections=2, seconds=1, headers=CURL[:2])
    assert seen == {b"/item/0000", b"/item/0001", b"/item/0002"}
    assert done.requests > done.failed == 0
    assert refused.requests == refused.failed > 0


@pytest.mark.parametrize(
    ("have", "each", "expected"),
    [
        ([0], 1, Cores()),
        ([0, 1], 1, Cores(envoy=(0,), service=(1,), load=(1,))),
        ([0, 1, 2], 1, Cores(envoy=(0,), service=(1,), load=(2,))),
        ([0, 1, 2], 2, Cores()),
        ([0, 1, 2, 3], 2, Cores(envoy=(0, 1), service=(2, 3), load=(2, 3))),
        ([4, 5, 6, 7, 8], 2, Cores(envoy=(4, 5), service=(6, 7), load=(8,))),
    ],
)
def test_cores_are_dealt_out_to_envoy_first(have: list[int], each: int, expected: Cores) -> None:
    assert Cores.choose(each=each, have=have) == expected


def test_what_is_pinned_to_nothing_runs_as_it_is() -> None:
    assert pinned((), ["true"]) == ["true"]


CHILD = """\
import time
print("ready", flush=True)
input()
end = time.process_time() + 0.3
while time.process_time() < end: pass
print("burnt", flush=True)
input()
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


def test_a_meter_counts_a_child_as_its_parent_and_not_as_foreign() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        meter = Meter([parent.pid])
        parent.stdin.write(b"\n")
        assert parent.stdout.readline() == b"burnt\n"
        usage = meter.read()
        _, child = family(parent.pid)
        assert resident(parent.pid) > resident(child)
        parent.communicate(b"\n", timeout=30)
    assert usage.seconds[parent.pid] >= 0.25
    assert usage.foreign >= 0


@pytest.mark.parametrize(
    ("line", "version", "addresses"),
    [
        ("INFO serving policy ten-rules 1f2e on 127.0.0.1:4711", None, ["127.0.0.1:4711"]),
        ("serving with grpc-go 1.85 on 127.0.0.1:1", "grpc-go 1.85", ["127.0.0.1:1"]),
    ],
)
def test_the_line_of_a_server_that_serves_is_read(
    line: str, version: str | None, addresses: list[str]
) -> None:
    found = _READY.search(f"before\n{line}\nafter")
    assert found is not None
    assert found["version"] == version
    assert _ADDRESS.findall(found["addresses"]) == addresses


def test_options_choose_by_part_of_a_name() -> None:
    options = Options(rows=("Go",), parts=("main",))
    assert options.wants_row("Go, tuned")
    assert not options.wants_row("C floor")
    assert options.wants_part("main")
    assert not options.wants_part("soak")
    assert options.connections_of((1, 2)) == (1, 2)


def test_a_long_error_keeps_its_start_and_its_end() -> None:
    text = brief(RuntimeError("start\n" + "x" * 900 + "end"))
    assert text.startswith("start x")
    assert text.endswith("xend")
    assert len(text) < 410
