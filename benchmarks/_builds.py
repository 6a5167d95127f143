"""Peers that are compiled, where there is a compiler: once, and again when their source changes."""

import shutil
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

_HERE = Path(__file__).parent
_PEERS = _HERE / "peers"
_BUILT = _HERE / ".peers"

_WITHIN: Final = 600.0
"""Seconds that a build may take; the first one of Go downloads and compiles all of gRPC."""


class AbsentError(Exception):
    """A peer cannot be had; the text says why."""


def c_program(name: str) -> Path:
    """``floor`` or ``ask``. Raises AbsentError without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise AbsentError("there is no C compiler (cc)")
    source, built = _PEERS / f"{name}.c", _BUILT / name
    command = (compiler, "-O2", "-Wall", "-Wextra", "-o", str(built), str(source))
    return _build(built, [source], command, _PEERS)


def go_program() -> Path:
    """Raises AbsentError without Go, or when its modules cannot be downloaded."""
    go = shutil.which("go")
    if go is None:
        raise AbsentError("there is no go")
    folder, built = _PEERS / "go", _BUILT / "extprocpeer"
    command = (go, "build", "-mod=readonly", "-o", str(built), ".")
    return _build(built, sorted(folder.iterdir()), command, folder)


def _build(built: Path, sources: Sequence[Path], command: Sequence[str], folder: Path) -> Path:
    mark, wanted = built.with_suffix(".built"), _digest(sources, command)
    if built.is_file() and mark.is_file() and mark.read_text() == wanted:
        return built
    print(f"  building {built.name} (once)", flush=True)
    built.parent.mkdir(exist_ok=True)
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_WITHIN, cwd=folder
        )
    except subprocess.TimeoutExpired:
        raise AbsentError(f"it took longer than {_WITHIN:g} seconds to build") from None
    except subprocess.CalledProcessError as error:
        raise AbsentError(f"it cannot be built: {error.stderr.strip()[-500:]}") from None
    mark.write_text(wanted)
    return built


def _digest(sources: Sequence[Path], command: Sequence[str]) -> str:
    digest = sha256(repr(command[1:]).encode())  # wherever the compiler is
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()
