"""HTTP/1.1 load on loopback from a process of its own: wrk where there is one, else our own."""

import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks._cpu import pinned
from benchmarks._request import HEADERS, Headers

_GRACE = 15.0
"""Seconds that the generator may take on top of what it was asked for."""

_SCRIPT = """\
init = function(arguments)
  local paths, at, requests = tonumber(arguments[1]), 0, {}
  for number = 1, paths do
    requests[number] = wrk.format("GET", string.format("/item/%04d", number - 1))
  end
  request = function()
    at = at % paths + 1
    return requests[at]
  end
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one run did."""

    requests: int
    """Answers that came, failures included."""
    seconds: float
    p50: float
    """Milliseconds, as is *p99*."""
    p99: float
    failed: int
    """Answers other than 2xx and 3xx, broken connections, timeouts."""

    @classmethod
    def parse(cls, output: str) -> Self:
        """From the last line of *output*, JSON. Raises ValueError when nothing was answered."""
        data: dict[str, Any] = json.loads(output.strip().rpartition("\n")[2])
        if not data["requests"]:
            raise ValueError("no request was answered")
        return cls(**data)


class Generator:
    """Sends one request over and over, each connection one at a time, from *cores*.

    *folder* is for a script. ``name`` says which generator it is.
    """

    def __init__(self, folder: Path, cores: Sequence[int]) -> None:
        self._cores = cores
        self._wrk = shutil.which("wrk")
        self._script = folder / "report.lua"
        self._script.write_text(_SCRIPT)
        self.name = "wrk" if self._wrk else "our own asyncio generator (there is no wrk)"

    async def run(
        self,
        port: int,
        *,
        connections: int,
        seconds: int,
        headers: Headers = HEADERS,
        paths: int = 1,
    ) -> Load:
        """Requests take so many *paths* in turn.

        Raises RuntimeError when nothing was answered, or the generator does not end in time.
        """
        command = self._command(port, connections, seconds, headers, paths)
        process = await asyncio.create_subprocess_exec(
            *pinned(self._cores, command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        try:
            async with asyncio.timeout(seconds + _GRACE):
                output, errors = await process.communicate()
        except TimeoutError:
            raise RuntimeError(f"{self.name} did not end in time") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            return Load.parse(output.decode(errors="replace"))
        except ValueError as error:
            words = errors.decode(errors="replace").strip()[-500:]
            raise RuntimeError(f"load by {self.name} failed: {error}\n{words}") from None

    def _command(
        self, port: int, connections: int, seconds: int, headers: Headers, paths: int
    ) -> list[str]:
        if self._wrk is None:
            own = [sys.executable, "-m", "benchmarks._own_load"]
            return [
                *own,
                str(port),
                str(connections),
                str(seconds),
                json.dumps(headers),
                str(paths),
            ]
        lines = [part for name, value in headers for part in ("-H", f"{name}: {value}")]
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s"]
        url = f"http://127.0.0.1:{port}/"
        return [self._wrk, *options, "--script", str(self._script), *lines, url, "--", str(paths)]
