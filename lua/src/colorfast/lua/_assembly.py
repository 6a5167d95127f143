"""Scripts from pieces: a piece is in when something below it names what it defines."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_STANDARD = {
    "": ("ipairs", "pairs", "pcall", "tonumber", "tostring", "type"),
    "string.": ("byte", "char", "find", "format", "gmatch", "gsub", "lower", "match", "rep", "sub"),
    "math.": ("floor",),
}
"""What Lua has already; a local is found faster than a field of a global table."""

_A_LINE = 5

_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|--[^\n]*')
_NAME = re.compile(r"(?<![\w.:])[A-Za-z_]\w*")
_DEFINED = re.compile(r"^local (?:function )?(\w+(?:, \w+)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """Lua that stands in the main chunk."""

    source: str
    names: frozenset[str]
    """The locals that it defines there; a piece that defines none is always in."""


def written(lines: Iterable[str]) -> Piece:
    """A piece made of *lines*; their margin shows what it defines."""
    source = "".join(f"{line}\n" for line in lines)
    groups = _DEFINED.findall(source)
    return Piece(source, frozenset(name for group in groups for name in group.split(", ")))


@cache
def stored(name: str) -> Piece:
    """The piece that stands in ``pieces/``."""
    text = files(__package__).joinpath("pieces", f"{name}.lua").read_text("ascii")
    return written(text.splitlines())


def assemble(pieces: Iterable[Piece]) -> str:
    """The *pieces* that are needed, in their order, below the parts of Lua that they use."""
    chosen: list[str] = []
    used: set[str] = set()
    for piece in reversed(list(pieces)):
        if piece.source and (not piece.names or piece.names & used):
            chosen.append(piece.source)
            used |= _names_in(piece.source)
    return "".join(_spaced(("".join(_standard(used)), *reversed(chosen))))


def _spaced(sources: Iterable[str]) -> Iterator[str]:
    """An empty line around whatever has several lines."""
    before = ""
    for source in sources:
        if before.count("\n") > 1 or source.count("\n") > 1:
            yield "\n"
        yield source
        before = source


def _names_in(source: str) -> set[str]:
    return set(_NAME.findall(_STRING_OR_COMMENT.sub('""', source)))


def _standard(used: set[str]) -> Iterator[str]:
    for library, names in _STANDARD.items():
        wanted = [name for name in names if name in used]
        for at in range(0, len(wanted), _A_LINE):
            some = wanted[at : at + _A_LINE]
            yield f"local {', '.join(some)} = {', '.join(library + name for name in some)}\n"
