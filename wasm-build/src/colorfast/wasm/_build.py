"""Building the plugin: Zig sources in, ``colorfast.wasm`` out, the same bytes every time.

The standard library only: the wheel's build hook runs this file where nothing is installed yet.
"""

import hashlib
import importlib.metadata
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ZIG: Final = "0.17.1"
"""The release of PyPI's ``ziglang`` that builds the plugin; another one gives other bytes."""

FLAGS: Final = (
    "-target", "wasm32-freestanding",
    "-OReleaseSafe",  # a mistake of ours is a trap that Envoy reports, never silent damage
    "-fno-entry", "-rdynamic", "-fstrip",
)  # fmt: skip

SECTION: Final = b"colorfast.sources"
"""Name of the custom section that says which sources a plugin was built from."""

ROOM: Final = Path(__file__).parents[3]
SOURCES: Final = ROOM / "filter"
PLUGIN: Final = Path(__file__).with_name("colorfast.wasm")

_WITHIN = 600.0  # seconds; it takes ten


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
    cache = cache or ROOM / ".zig-cache"
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".colorfast-") as folder:
        built = Path(folder) / "plugin.wasm"
        zig("build-exe", *FLAGS, f"-femit-bin={built}", "abi.zig", sources=sources, cache=cache)
        # No other part may depend on where, when and by whom it was built.
        built.write_bytes(built.read_bytes() + _section(digest(sources)))
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
    """What the plugin of *sources* says that it was built from."""
    digest = hashlib.sha256(" ".join((ZIG, *FLAGS)).encode())
    for path in sorted(sources.glob("*.zig")):
        if not path.stem.endswith("test") and path.stem != "tests":
            digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def digest_of(plugin: Path) -> str | None:
    """What the file *plugin* says that it was built from; None when there is no such file."""
    try:
        head, found, text = plugin.read_bytes().rpartition(SECTION)
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
    content = bytes([len(SECTION)]) + SECTION + text.encode()
    return b"\0" + bytes(_leb128(len(content))) + content


def _leb128(number: int) -> Iterator[int]:
    while number >= 0x80:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number


def main() -> None:
    """``python -m colorfast.wasm.build``: build the plugin in a checkout."""
    try:
        build()
    except BuildError as error:
        sys.exit(f"{error.what}\n    fix: {error.fix}")
    print(f"{PLUGIN}: {PLUGIN.stat().st_size:,} bytes, sources {digest()[:16]}")  # noqa: T201
