"""``# colorfast: ignore CF512``: where a file says that a finding is meant to be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_IGNORE: Final = re.compile(
    r"^(?P<before>.*?)(?<!\S)#[ \t]*colorfast:[ \t]*ignore(?![\w-])(?P<codes>[^\r\n#]*)",
    re.MULTILINE,
)
_CODE: Final = re.compile(r"\bCF\d{3}\b")
MAX_IGNORES: Final = 10_000
"""Comments that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One code that is not reported on *lines*; the comment stands at (*line*, *column*)."""

    file: str
    line: int
    column: int
    lines: tuple[int, ...]
    code: str
    """Empty when the comment names none."""


def ignores_of(text: str, file: str) -> Iterator[Ignore]:
    """The ignores in comments of *text*.

    A comment counts for its line; one that has a line of its own counts for the next one, too.
    """
    line, counted = 1, 0
    for found in _IGNORE.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        alone = not found["before"].strip(" \t-")
        column = found.end("before") + 1 - found.start()
        for code in _CODE.findall(found["codes"]) or ("",):
            yield Ignore(
                file=file,
                line=line,
                column=column,
                lines=(line, line + 1) if alone else (line,),
                code=code,
            )
