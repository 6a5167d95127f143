"""The examples of examples/services that need a broker, started as they say."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brokers.process import running
from docs.pages import blocks, page

SERVICES = Path(__file__).parents[2] / "examples" / "services"
WITHIN = 60.0


def snippet(name: str) -> dict[str, Any]:
    """What the block ``python run NAME`` of docs/messaging.md defines."""
    [block] = [one for one in blocks(page("messaging.md")) if one.words == ["python", "run", name]]
    defined: dict[str, Any] = {}
    exec(compile(block.text, str(block), "exec"), defined)
    return defined


def run(example: str, *arguments: str, env: dict[str, str]) -> str:
    """What *example* prints."""
    done = subprocess.run(
        [sys.executable, str(SERVICES / example), *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, **env},
        timeout=WITHIN,
        check=True,
    )
    return done.stdout.decode()


@contextlib.contextmanager
def consumer(example: str, name: str, folder: Path, env: dict[str, str]) -> Iterator[Path]:
    """*example* as a consumer; the file that has what it prints."""
    command = [sys.executable, str(SERVICES / example)]
    with running(name, command, folder, lambda: True, env=env):
        yield folder / f"{name}.log"
