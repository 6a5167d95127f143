"""What can be wrong, said so that it can be mended: a code, a position, what, why, fix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["error", "warning", "note"]
"""The file cannot be used; it hardly does what is meant; it cannot be judged from what is given."""

Codes: TypeAlias = Mapping[str, tuple[Level, str]]
"""What a room can find: by code, a level and a title."""

CODES: Codes = {
    # The file
    "CF101": ("error", "not YAML"),
    "CF102": ("error", "duplicate key"),
    "CF103": ("error", "YAML 1.1 boolean"),
    "CF104": ("error", "unknown key"),
    "CF105": ("error", "missing key"),
    "CF106": ("error", "wrong type"),
    "CF107": ("error", "value out of range"),
    "CF108": ("error", "wrong apiVersion or kind"),
    "CF109": ("error", "YAML feature that is not used here"),
    "CF110": ("error", "file cannot be read"),
    # The policy's meaning
    "CF201": ("error", "lane not in lanes"),
    "CF202": ("error", "not a lane name"),
    "CF203": ("error", "parents form a cycle"),
    "CF204": ("error", "weights do not sum to 10,000"),
    "CF205": ("error", "RE2 rejects the pattern"),
    "CF206": ("error", "rule reads what the dye rewrites"),
    "CF207": ("error", "rule name used twice"),
    "CF208": ("error", "not exactly one kind of matcher"),
    "CF209": ("error", "not exactly one of lane and split"),
    "CF210": ("error", "empty match"),
    "CF211": ("error", "not an address block"),
    "CF212": ("error", "not a name that a request can hold"),
    "CF213": ("error", "lane header or member cannot be that"),
    "CF214": ("error", "baseline has a parent"),
    # The mesh's meaning
    "CF221": ("error", "service that is not there"),
    "CF222": ("error", "calls never end"),
    "CF223": ("error", "two lanes select the same pods"),
    "CF224": ("error", "mesh and policy do not fit"),
    # Legal, but hardly meant
    "CF301": ("warning", "rule can never match"),
    "CF302": ("warning", "regex that a plain matcher can replace"),
    "CF303": ("warning", "accept without client: accept"),
    "CF304": ("warning", "client: accept accepts no lane"),
    "CF305": ("warning", "value that a request never has"),
    "CF306": ("warning", "setting without effect"),
}
"""Every code of this room: its level and its title. docs/diagnostics.md has an entry for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding in one file. *line* and *column* count from 1; 0 is the file as a whole.

    *level* is what the code has in the CODES of its room.
    """

    code: str
    level: Level = "error"
    file: str
    line: int = 0
    column: int = 0
    what: str
    why: str = ""
    fix: str = ""

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
        return {
            "code": self.code,
            "level": self.level,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
        }


def finding(  # noqa: PLR0913 (a finding is a place and three sentences)
    codes: Codes,
    code: str,
    file: str,
    at: tuple[int, int] = (0, 0),
    *,
    what: str,
    why: str = "",
    fix: str = "",
) -> Diagnostic:
    """A Diagnostic whose level is that of *code* in *codes*. *at* is its line and column."""
    line, column = at
    return Diagnostic(
        code=code,
        level=codes[code][0],
        file=file,
        line=line,
        column=column,
        what=what,
        why=why,
        fix=fix,
    )


class ColorfastError(Exception):
    """The root of what this project raises on purpose. Never raised into a request's path."""

    def __init__(self, code: str, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        lines = [f"error {self.code}: {self.what}"]
        if self.why:
            lines.append(f"    why: {self.why}")
        if self.fix:
            lines.append(f"    fix: {self.fix}")
        return "\n".join(lines)


class InvalidInput(ColorfastError):
    """A file that cannot be used, with everything that is wrong in it."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        first = next(d for d in diagnostics if d.level == "error")
        super().__init__(first.code, first.what, why=first.why, fix=first.fix)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return "\n".join(map(str, self.diagnostics))
