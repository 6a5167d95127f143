"""``peers/ask.c``: questions straight at a server's gRPC port, no Envoy and no HTTP/1.1."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from benchmarks._builds import c_program
from benchmarks._cpu import pinned

_WITHIN: Final = 120.0
"""Seconds that one run may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one run did."""

    requests: int
    seconds: float
    wrong: int
    """Answers that were not what they had to be, byte for byte, and streams that failed."""
    p50: float
    """Milliseconds, as is *p99*."""
    p99: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @classmethod
    def parse(cls, output: str) -> Self:
        """Raises ValueError."""
        data: dict[str, Any] = json.loads(output)
        return cls(**data)


async def ask(
    address: str,
    messages: Path,
    answer: Path,
    *,
    requests: int,
    connections: int,
    in_flight: int,
    cores: Sequence[int],
) -> Asked:
    """Ask *requests* times, so many at once on each connection.

    Both files hold messages as gRPC frames them. Raises AbsentError without a C compiler,
    RuntimeError when it fails or does not end in time.
    """
    port = address.rpartition(":")[2]
    command = [str(c_program("ask")), port, str(messages), str(answer)]
    command += [str(requests), str(connections), str(in_flight)]
    process = await asyncio.create_subprocess_exec(
        *pinned(cores, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_WITHIN):
            output, errors = await process.communicate()
        return Asked.parse(output.decode())
    except TimeoutError:
        raise RuntimeError(f"asking {address} did not end in time") from None
    except ValueError:
        words = errors.decode(errors="replace").strip()[-300:]
        raise RuntimeError(f"asking {address} failed: {words}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
