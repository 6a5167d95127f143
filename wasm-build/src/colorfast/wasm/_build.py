"""Building the core: Zig sources in, plugin and shared libraries out, always the same bytes.

The standard library only: the wheel's build hook runs this file where nothing is installed yet.
"""

import hashlib
import importlib.metadata
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

ZIG: Final = "0.17.1"
"""The release of PyPI's ``ziglang`` that builds them; another one gives other bytes."""

_CHECKED = ("-OReleaseSafe", "-fstrip")  # a mistake of ours is a trap, never silent damage

FLAGS: Final = (*_CHECKED, "-target", "wasm32-freestanding", "-fno-entry", "-rdynamic")
"""What Zig is told for the plugin."""

SECTION: Final = b"colorfast.sources"
"""Name of the custom section that says which sources a plugin was built from."""

MACHINES: Final = ("x86_64", "aarch64")
"""Linux machines, as they name themselves, that there is a shared library for."""

ROOM: Final = Path(__file__).parents[3]
SOURCES: Final = ROOM / "filter"
PLUGIN: Final = Path(__file__).with_name("colorfast.wasm")
LIBRARIES: Final = {
    machine: Path(__file__).parents[1] / "core" / f"colorfast-{machine}.so" for machine in MACHINES
}

_WITHIN = 600.0  # seconds; it takes ten to thirty


class BuildError(Exception):
    """The plugin cannot be built: *what* says why, *fix* the way out."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what
        self.fix = fix


def build(output: Path = PLUGIN, *, sources: Path = SOURCES, cache: Path | None = None) -> None:
    """Compile *sources* and put the plugin at *output*, whole or not at all.

    Raises BuildError.
    """
    command = ("build-exe", *FLAGS, "abi.zig")
    _emit(output, command, _section, sources=sources, cache=cache)


def build_library(
    machine: str, output: Path | None = None, *, sources: Path = SOURCES, cache: Path | None = None
) -> None:
    """As ``build``, the shared library for Linux on *machine*. It needs no other library."""
    command = ("build-lib", *_library_flags(machine), "library.zig")
    # Behind its end, where no loader looks.
    _emit(output or LIBRARIES[machine], command, _mark, sources=sources, cache=cache)


def _library_flags(machine: str) -> tuple[str, ...]:
    return (*_CHECKED, "-target", f"{machine}-linux-none", "-dynamic")


def _emit(
    output: Path,
    command: tuple[str, ...],
    tell: Callable[[str], bytes],
    *,
    sources: Path,
    cache: Path | None,
) -> None:
    *flags, root = command
    cache = cache or ROOM / ".zig-cache"
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".colorfast-") as folder:
        built = Path(folder) / "built"
        zig(*flags, f"-femit-bin={built}", root, sources=sources, cache=cache)
        # No other part may depend on where, when and by whom it was built.
        built.write_bytes(built.read_bytes() + tell(digest(sources)))
        built.chmod(0o644)
        built.replace(output)


def zig(*arguments: str, sources: Path = SOURCES, cache: Path) -> str:
    """Run Zig in *sources*; what it wrote. Raises BuildError."""
    _check_version()
    command = [sys.executable, "-m", "ziglang", *arguments]
    command += ["--cache-dir", str(cache / "local"), "--global-cache-dir", str(cache / "global")]
    result = subprocess.run(  # noqa: S603 (Zig)
        command, cwd=sources, capture_output=True, text=True, timeout=_WITHIN, check=False
    )
    if result.returncode:
        raise BuildError(f"Zig fails:\n{result.stderr[-4000:]}", "mend the sources")
    return result.stderr


def digest(sources: Path = SOURCES) -> str:
    """What plugin and libraries of *sources* say that they were built from."""
    digest = hashlib.sha256(" ".join((ZIG, *FLAGS, *_library_flags("any"))).encode())
    for path in sorted(sources.glob("*.zig")):
        if not path.stem.endswith("test") and path.stem != "tests":
            digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def digest_of(built: Path) -> str | None:
    """What the file *built* says that it was built from; None when there is no such file."""
    try:
        head, found, text = built.read_bytes().rpartition(SECTION)
    except FileNotFoundError:
        return None
    return text.decode("latin-1") if head and found else None


def is_checkout() -> bool:
    """Whether the sources are here, as they are in a checkout and not in a wheel."""
    return (SOURCES / "abi.zig").is_file()


def _check_version() -> None:
    fix = f"pip install ziglang=={ZIG}"
    try:
        found = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        raise BuildError("ziglang is not installed", fix) from None
    if found != ZIG:
        raise BuildError(f"ziglang is {found}, and only {ZIG} gives the same bytes", fix)


def _section(text: str) -> bytes:
    """A custom section (WebAssembly core specification 5.5.3)."""
    content = bytes([len(SECTION)]) + _mark(text)
    return b"\0" + bytes(_leb128(len(content))) + content


def _mark(text: str) -> bytes:
    return SECTION + text.encode()


def _leb128(number: int) -> Iterator[int]:
    while number >= 0x80:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number


def main() -> None:
    """``python -m colorfast.wasm.build``: build what is not of these sources yet."""
    made = {PLUGIN: build} | {
        library: partial(build_library, machine) for machine, library in LIBRARIES.items()
    }
    try:
        for built, make in made.items():
            if digest_of(built) != digest():
                make()
    except BuildError as error:
        sys.exit(f"{error.what}\n    fix: {error.fix}")
    for built in made:
        print(f"{built}: {built.stat().st_size:,} bytes, sources {digest()[:16]}")  # noqa: T201
