"""The Colorfast service as a process of its own, so that it can be killed, hung, started again."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from helpers.envoys import get
from helpers.processes import wait_until

DEADLINE: Final = 30.0


class Service:
    """``colorfast serve`` with its policy file and its Unix sockets in *folder*.

    *options* are more of its command line.
    """

    def __init__(self, folder: Path, policy: str, *options: str, name: str = "service") -> None:
        self._options = options
        self.target = f"unix:{folder}/{name}.ep"
        self.file = folder / f"{name}.yaml"
        self.file.write_text(policy)
        self._log = folder / f"{name}.log"
        self._admin = str(folder / f"{name}.admin")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, on the same addresses each time, and wait until it serves."""
        command = [sys.executable, "-m", "colorfast.cli", "serve", "--policy", str(self.file)]
        command += ["--listen", self.target, "--admin", f"unix:{self._admin}"]
        command += ["--poll", "0.05", "--drain-delay", "0", *self._options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._ready, "the service serves", within=DEADLINE)

    @property
    def pid(self) -> int:
        """Its process, the parent if there are workers."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as the kernel's memory killer does."""
        self._signal(signal.SIGKILL)
        self.wait()

    def hang(self) -> None:
        """Stop it in its tracks; its sockets stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``hang``."""
        self._signal(signal.SIGCONT)

    def terminate(self) -> int:
        """Ask it to end; its exit status."""
        self._signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Reap it; its exit status."""
        assert self._process is not None
        return self._process.wait(DEADLINE)

    def log(self) -> list[str]:
        """The lines that it has written so far, on stdout and stderr."""
        return self._log.read_text().splitlines()

    def shown(self) -> dict[str, Any]:
        """What ``/policy`` says."""
        policy: dict[str, Any] = json.loads(get(self._admin, "/policy")[1])
        return policy

    def metric(self, sample: str) -> float:
        """The value of *sample*, a name with its labels, in ``/metrics``; 0 when there is none."""
        found = re.search(rf"(?m)^{re.escape(sample)} (\S+)$", get(self._admin, "/metrics")[1])
        return float(found[1]) if found else 0.0

    def swap(self, policy: str) -> None:
        """Replace the policy file in one step."""
        other = self.file.with_suffix(".new")
        other.write_text(policy)
        os.replace(other, self.file)  # noqa: PTH105 (the call that operators are told to use)

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-3000:]
        with contextlib.suppress(OSError):
            return get(self._admin, "/readyz")[0] == 200
        return False


@contextlib.contextmanager
def running_service(
    folder: Path, policy: str, *options: str, name: str = "service"
) -> Iterator[Service]:
    """The service with *policy*, a file's text, and *options*, until the block ends."""
    service = Service(folder, policy, *options, name=name)
    try:
        service.start()
        yield service
    finally:
        service.close()
