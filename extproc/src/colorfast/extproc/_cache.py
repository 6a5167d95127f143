"""The last good policy in a file of our own, for a start while its source cannot be had."""

import logging
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from colorfast.extproc._file_source import read_file

_LOG = logging.getLogger("colorfast.extproc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """The file at *path*: written after each policy that was accepted, read at a start."""

    path: Path

    @staticmethod
    def at(path: str) -> "Cache":
        """The cache in the file *path*."""
        return Cache(path=Path(path))

    def read(self) -> bytes | None:
        """What was kept last; None when there is nothing."""
        try:
            return read_file(str(self.path))
        except OSError:
            return None

    def keep(self, content: bytes) -> None:
        """Keep *content*, whole or not at all; several processes may. Never raises."""
        try:
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                Path(name).replace(self.path)
            except OSError:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            _LOG.warning("the policy could not be kept in %s: %s", self.path, error)
