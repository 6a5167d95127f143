"""Run the tests of this folder: ``python -m lab.kube.run``, with ``tests`` in PYTHONPATH.

Builds what is missing, then runs pytest in a network namespace of its own, where nothing can reach
what the controllers open, and in a namespace of processes of its own, so that none is left. What
cannot be run on this machine is said, and is no failure.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final, NoReturn

import pytest
from lab.kube import build
from lab.kube._plays import PLAYED_AGAIN

HERE = Path(__file__).parent
_APART: Final = ("--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_PODS: Final = "10.244.0.0/16"
"""Addresses that pods are said to have; here they are this machine's own."""

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def apart() -> list[str] | None:
    """The command that runs another one in namespaces of its own; None where there is none."""
    for more in ((), ("--user", "--map-root-user")):
        command = ["unshare", *more, *_APART]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([*command, "true"], check=True, capture_output=True, timeout=60)
            return command
    return None


def loopback_up() -> None:
    """A namespace's loopback is down at first; pods' addresses are to be reached through it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))
        request = struct.pack("16sh14x", b"lo", flags | _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
    if shutil.which("ip"):
        subprocess.run(["ip", "route", "add", "local", _PODS, "dev", "lo"], check=True, timeout=60)


def not_run(why: str) -> int:
    """Say that nothing was run, and *why*."""
    print(f"lab-kube: NOT RUN: {why}", file=sys.stderr)  # noqa: T201
    return 0


def become(command: list[str]) -> NoReturn:
    """Run *command* in place of this process: who ends it ends all of that."""
    os.execvp(command[0], command)


def main(arguments: list[str]) -> int:
    """Build, then test apart; pytest's exit status."""
    build.main()
    lacking = {name for name in build.missing() if name in build.CORE}
    if lacking:
        return not_run(f"{', '.join(sorted(lacking))} could not be had")
    command = apart()
    if command is None:
        return not_run("this machine lets us have no network namespace (it takes root)")
    inside = [sys.executable, "-m", "lab.kube.run", "--inside", *arguments]
    become([*command, *inside])


def inside(arguments: list[str]) -> int:
    """Test, here."""
    loopback_up()
    PLAYED_AGAIN.unlink(missing_ok=True)
    status = int(pytest.main([str(HERE), *arguments]))
    if PLAYED_AGAIN.exists() and PLAYED_AGAIN.stat().st_size:
        print(f"lab-kube: failed beside others, and played again:\n{PLAYED_AGAIN.read_text()}")  # noqa: T201
    return status


if __name__ == "__main__":
    given = sys.argv[1:]
    os.chdir(build.ROOT)
    sys.exit(inside(given[1:]) if given[:1] == ["--inside"] else main(given))
