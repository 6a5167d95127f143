"""How each server of the ext_proc benchmark is run, or why it cannot be."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from benchmarks._builds import AbsentError, c_program, go_program
from benchmarks._micro import lines, message
from benchmarks._names import FLOOR, GO, GO_TUNED, GRPCIO, H2, HTTP2, PYTHON, SDK, WORKERS
from benchmarks._peer import get_peer
from benchmarks._processes import Launch, serve_command
from benchmarks._request import CURL
from colorfast.extproc import Processor, StreamOptions
from colorfast.mesh import program
from colorfast.policy import Engine, load_policy

HERE = Path(__file__).parent
POLICY = HERE / "ten-rules.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The servers that there are, and why the others are not."""

    launches: Mapping[str, Launch]
    absent: Mapping[str, str]


def find(servers: Iterable[str], folder: Path) -> Found:
    """*folder* is for files that a server reads. What has to be built or installed is, once."""
    launches: dict[str, Launch] = {}
    absent: dict[str, str] = {}
    for name in servers:
        try:
            launches[name] = _LAUNCHES[name](folder)
        except AbsentError as error:
            absent[name] = str(error)
    return Found(launches=launches, absent=absent)


def asked_message(number: int = 0) -> bytes:
    """What Envoy asks about curl request *number*."""
    return message(lines(CURL, number))


def right_answer() -> bytes:
    """Ours to each ``asked_message``."""
    policy = load_policy(POLICY.read_text(), file=POLICY.name).policy
    return Processor(Engine(policy)).process(asked_message(), StreamOptions())


def framed(body: bytes) -> bytes:
    """*body* as gRPC sends it: not compressed, its length, itself."""
    return b"\0" + len(body).to_bytes(4, "big") + body


def _floor(folder: Path) -> Launch:
    answer = folder / "answer"
    answer.write_bytes(framed(right_answer()))
    return Launch(command=(str(c_program("floor")), str(answer)), env={})


def _ours(*options: str, workers: int = 1) -> Launch:
    for option in options:
        if option.startswith("--") and option not in _serve_help():
            raise AbsentError(f"colorfast serve has no {option} yet")
    packages = ("colorfast", "protobuf", "uvloop")
    return Launch(
        command=serve_command(POLICY, *options),
        env={},
        version=", ".join(f"{name} {_version(name)}" for name in packages),
        addresses=workers,
    )


def _grpcio(folder: Path) -> Launch:
    # Before there was a choice, it was grpcio.
    options = ("--transport", "grpcio") if "--transport" in _serve_help() else ()
    launch = _ours(*options)
    return Launch(
        command=launch.command,
        env=launch.env,
        version=f"{launch.version}, grpcio {_version('grpcio')}",
    )


def _h2(folder: Path) -> Launch:
    if find_spec("h2") is None:
        raise AbsentError("the package h2 is not installed")
    driver = HERE / "peers" / "h2_driver.py"
    return Launch(command=(program("python"), str(driver), str(POLICY)), env={})


@cache
def _serve_help() -> str:
    command = [program("colorfast"), "serve", "--help"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


_LAUNCHES: Mapping[str, Callable[[Path], Launch]] = {
    FLOOR: _floor,
    HTTP2: lambda _: _ours("--transport", "http2"),
    PYTHON: lambda _: _ours("--transport", "http2", "--engine", "python"),
    WORKERS: lambda _: _ours("--transport", "http2", "--workers", "2", workers=2),
    GRPCIO: _grpcio,
    H2: _h2,
    SDK: lambda _: get_peer(),
    GO: lambda _: Launch(command=(str(go_program()),), env={}),
    GO_TUNED: lambda _: Launch(command=(str(go_program()), "-tuned"), env={}),
}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
