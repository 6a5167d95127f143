"""A folder of built files, and the record by which a rebuild knows which of them are its own."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorfast.policy import ColorfastError

RECORD = "colorfast-build.json"
"""Name of the record in its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How a folder was built."""

    mesh: str = ""
    """Path of the LaneMesh, from the folder."""
    policy: str = ""
    """Path of the LanePolicy, from the folder."""
    release: str = ""
    """Path of the LaneRelease, from the folder; instead of the other two."""
    options: dict[str, Any]
    files: tuple[str, ...]

    def text(self) -> str:
        """As it stands in the folder."""
        inputs = {"mesh": self.mesh, "policy": self.policy, "release": self.release}
        record = {
            **{name: path for name, path in inputs.items() if path},
            "options": self.options,
            "files": sorted(self.files),
        }
        return json.dumps(record, indent=2) + "\n"


def read_record(folder: Path) -> Record | None:
    """The record of *folder*; None when it has none. Raises ColorfastError (CF441)."""
    path = folder / RECORD
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        release = str(data["release"]) if "release" in data else ""
        return Record(
            mesh="" if release else str(data["mesh"]),
            policy="" if release else str(data["policy"]),
            release=release,
            options=dict(data["options"]),
            files=tuple(str(name) for name in data["files"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ColorfastError(
            "CF441",
            f"{path} is not a record of a build",
            why=str(error),
            fix="restore it, or build into an empty folder",
        ) from None


def write_folder(folder: Path, record: Record, files: dict[str, str]) -> tuple[str, ...]:
    """Write *files* and *record*; the names of what was removed come back.

    Only files that the last build wrote are removed, and only when this one does not write them.
    Raises ColorfastError (CF441, CF442).
    """
    before = read_record(folder)
    owned = set(before.files) if before else set()
    for name in files.keys() - owned:
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8", errors="replace") != files[name]:
            raise ColorfastError(
                "CF442",
                f"{path} is in the way",
                why="no build of this folder has written it",
                fix="remove it, or build into another folder",
            )
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    stale = tuple(sorted(name for name in owned - files.keys() if _inside(folder, name)))
    for name in stale:
        (folder / name).unlink(missing_ok=True)
        _drop_if_empty((folder / name).parent, folder)
    (folder / RECORD).write_text(record.text(), encoding="utf-8")
    return stale


def diff_folder(folder: Path, record: Record, files: dict[str, str]) -> Iterator[str]:
    """Lines of a unified diff from what is in *folder* to *files*."""
    for name in sorted({*files, *record.files}):
        path = folder / name
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        new = files.get(name, "")
        yield from difflib.unified_diff(
            old.splitlines(),
            new.splitlines(),
            fromfile=name if path.exists() else "/dev/null",
            tofile=name if name in files else "/dev/null",
            lineterm="",
        )


def _inside(folder: Path, name: str) -> bool:
    """Whether *name* stays in *folder*: a record may have been tampered with."""
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _drop_if_empty(folder: Path, root: Path) -> None:
    if folder != root and not any(folder.iterdir()):
        folder.rmdir()
