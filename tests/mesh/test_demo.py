"""The demo as a program: what it shows, how it ends, and that nothing of it is left."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.processes import DEADLINE, alive, descendants, wait_until

DEMO = [sys.executable, "-m", "colorfast.mesh"]
CANARY = "-> mocka(version: canary) -> mockb(version: base) -> mockc(version: canary)"
BASE = "-> mocka(version: base) -> mockb(version: base) -> mockc(version: base)"


class Demo:
    """A demo that serves."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def folder(self) -> Path:
        found = re.search(r"^logs +(.*)/logs$", self.out, re.MULTILINE)
        assert found
        return Path(found[1])

    def wait_serving(self) -> set[int]:
        """The processes of the demo once it serves."""
        wait_until(self._serves, "the demo serves")
        return descendants(self.process.pid)

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.out + self.err
        return "Serving" in self.out


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with running_demo(tmp_path) as demo:
        yield demo


@contextmanager
def running_demo(folder: Path, *options: str) -> Iterator[Demo]:
    out, err = folder / "out", folder / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen([*DEMO, *options], stdout=stdout, stderr=stderr)
    try:
        yield Demo(process, out, err)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(DEADLINE)


def run(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*DEMO, *options], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def blocks(out: str) -> dict[str, str]:
    """The path by the headers of the request that took it."""
    found = {}
    for block in out.split("\n\n"):
        lines = block.splitlines()
        if lines and lines[0].startswith("GET / "):
            found[", ".join(line.strip() for line in lines[1:-1])] = lines[-1]
    return found


def test_once_shows_the_right_paths_and_exits_with_0() -> None:
    result = run("--once")
    assert (result.returncode, result.stderr) == (0, "")
    paths = blocks(result.stdout)
    assert paths[""] == BASE
    assert paths["agent: pc"] == CANARY
    assert paths["x-lane: canary"] == BASE
    assert paths["baggage: lane=canary"] == BASE
    assert paths["agent: pc, x-lane: canary, baggage: lane=canary"] == CANARY
    sticky = [path for headers, path in paths.items() if headers.startswith("cookie: uid=")]
    assert sticky == [CANARY]
    assert "mockc: lane=base,tenant=blue" in result.stdout


def test_ctrl_c_ends_everything_and_exits_with_0(demo: Demo) -> None:
    children = demo.wait_serving()
    assert len(children) == 12  # 6 Envoys, 5 applications, the service
    folder = demo.folder
    assert folder.exists()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(DEADLINE) == 0
    assert not [pid for pid in children if alive(pid)]
    assert not folder.exists()
    assert demo.err == ""


def test_ctrl_c_while_it_starts_ends_everything_too(demo: Demo) -> None:
    wait_until(lambda: len(descendants(demo.process.pid)) > 3, "some processes run")
    children = descendants(demo.process.pid)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(DEADLINE) == 130
    assert not [pid for pid in children if alive(pid)]
    assert demo.err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills orphans")
def test_nothing_outlives_a_demo_that_is_killed(demo: Demo) -> None:
    children = demo.wait_serving()
    demo.process.kill()
    demo.process.wait(DEADLINE)
    wait_until(lambda: not any(map(alive, children)), "all are gone")
    shutil.rmtree(demo.folder)  # that it cannot do itself


def test_an_envoy_that_dies_ends_the_demo_with_its_name_and_log(demo: Demo) -> None:
    children = demo.wait_serving()
    os.kill(_envoy(children, "mockb.base"), signal.SIGSEGV)
    assert demo.process.wait(DEADLINE) == 1
    assert "CF612: mockb.base " in demo.err
    assert "its log ends with" in demo.err
    assert not [pid for pid in children if alive(pid)]


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = run("--once", "--port", str(port))
    assert result.returncode == 1
    assert f"CF611: cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "--port" in result.stderr


def test_the_gateway_listens_where_it_was_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    with running_demo(tmp_path, "--port", str(port)) as demo:
        demo.wait_serving()
        assert f"gateway  http://127.0.0.1:{port}\n" in demo.out
        second = run("--once", "--port", str(port))
        assert (second.returncode, "CF611" in second.stderr) == (1, True)


def test_a_mesh_that_does_not_fit_the_policy_is_refused(tmp_path: Path) -> None:
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(
        "apiVersion: colorfast.dev/v1alpha1\nkind: LaneMesh\nmetadata: {name: m}\n"
        "spec: {entry: a, services: {a: {lanes: [canary]}}}\n"
    )
    result = run("--once", "--mesh", str(mesh))
    assert result.returncode == 1
    assert "CF224: a is not deployed in base" in result.stderr


def _envoy(pids: set[int], name: str) -> int:
    """The Envoy that reads the configuration of *name*."""
    for pid in pids:
        if f"/{name}.json" in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    raise AssertionError(name)
