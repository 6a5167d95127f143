"""Generate the wire classes from the .proto files beside this one.

``python extproc/proto/generate.py`` writes them; with ``--check`` nothing is written, and the exit
code is 1 when what is there differs from what would be. The output depends on the versions of
grpcio-tools and mypy-protobuf only, and both are pinned in pyproject.toml: code that grpcio-tools
1.74 generates can be imported on every protobuf from 6.31.1 to 7.
"""

import argparse
import sys
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
WIRE = HERE.parent / "src" / "colorfast" / "extproc" / "wire"


def generate(target: Path) -> None:
    """Run protoc over every .proto file here. Raises RuntimeError when it refuses one."""
    protos = sorted(path.name for path in HERE.glob("*.proto"))
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={HERE}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            f"--plugin=protoc-gen-mypy={Path(sysconfig.get_path('scripts')) / 'protoc-gen-mypy'}",
            f"--python_out={target}",
            f"--mypy_out=quiet:{target}",
            *protos,
        ]
    )
    if status:
        raise RuntimeError(f"protoc ended with exit code {status}")


def contents(folder: Path) -> dict[str, str]:
    """The generated files in *folder* by name."""
    return {path.name: path.read_text() for path in sorted(folder.glob("*_pb2.py*"))}


def main() -> int:
    """Write, or compare; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = contents(Path(folder))
    if not check:
        for name, text in fresh.items():
            (WIRE / name).write_text(text)
        return 0
    stale = sorted({name for name, _ in fresh.items() ^ contents(WIRE).items()})
    for name in stale:
        sys.stderr.write(f"{name} is not what the .proto files say: run make proto\n")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
