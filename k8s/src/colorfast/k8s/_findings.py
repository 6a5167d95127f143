"""What was found in manifests: a code, a level, a place, what, why, fix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from colorfast.policy import Diagnostic

Level: TypeAlias = Literal["error", "warning", "note"]
"""It breaks, it hardly does what is meant, or it cannot be judged from the files given."""

Codes: TypeAlias = Mapping[str, tuple[Level, str]]
"""By code, the level that it has at most, and a title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding in one file. *line* and *column* count from 1; 0 is the file as a whole.

    Like ``colorfast.policy.Diagnostic``, with a level that a policy has no need of.
    """

    code: str
    level: Level
    file: str
    line: int = 0
    column: int = 0
    what: str
    why: str = ""
    fix: str = ""

    @classmethod
    def of(cls, one: Diagnostic) -> "Finding":
        """A policy's diagnostic as a finding."""
        return cls(
            code=one.code,
            level=one.level,
            file=one.file,
            line=one.line,
            column=one.column,
            what=one.what,
            why=one.why,
            fix=one.fix,
        )

    @property
    def position(self) -> str:
        """``file:line:column``, as editors and terminals make it a link."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        lines = [f"{self.position}: {self.level} {self.code}: {self.what}"]
        if self.why:
            lines.append(f"    why: {self.why}")
        if self.fix:
            lines.append(f"    fix: {self.fix}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, str | int]:
        """A JSON object with one member a field."""
        return {name: getattr(self, name) for name in self.__slots__}


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """*findings* in the order of files, then of places."""
    return tuple(sorted(findings, key=lambda one: (one.file, one.line, one.column, one.code)))
