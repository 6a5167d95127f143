"""The documentation as data: pages, their blocks, code spans, tables, links and commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("*.md"), *ROOT.glob("examples/*.md")])

_FENCE = re.compile(r" *```(.*)")
_HEADING = re.compile(r"#+ (.+)")
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SHELL = ("sh", "console")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: *marker* is what follows the fence, *under* the heading above it."""

    page: Path
    line: int
    marker: str
    under: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def words(self) -> list[str]:
        return self.marker.split()


def page(name: str) -> Path:
    return ROOT / "docs" / name


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    marker, under, start = "", "", 0
    body: list[str] | None = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        if fence and body is None:
            marker, start, body = fence[1], number, []
        elif fence and body is not None:
            text = "".join(f"{one}\n" for one in body)
            yield Block(page=path, line=start, marker=marker, under=under, text=text)
            body = None
        elif body is not None:
            body.append(line)
        elif heading := _HEADING.fullmatch(line):
            under = heading[1]
    assert body is None, f"{path.name}:{start}: the block does not end"


def all_blocks(*markers: str) -> list[Block]:
    """The blocks of every page whose marker starts with the words of *markers*."""
    return [
        one for path in PAGES for one in blocks(path) if one.words[: len(markers)] == [*markers]
    ]


def prose(path: Path) -> str:
    """A page without its blocks; every block is an empty line."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text())


def spans(text: str) -> list[str]:
    """The code spans of *text*, their line breaks as spaces."""
    return [" ".join(span.split()) for span in _SPAN.findall(text)]


def headings(path: Path) -> list[str]:
    return [
        heading[1] for line in prose(path).splitlines() if (heading := _HEADING.fullmatch(line))
    ]


def anchor(heading: str) -> str:
    """Where GitHub lets a heading be linked to."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(path: Path) -> list[str]:
    """The targets of a page's links within the repository."""
    return [link for link in _LINK.findall(prose(path)) if "://" not in link]


def tables(path: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """Tables with the line above them (a comment may name one); rows as cells, the head first."""
    above, rows = "", list[list[str]]()
    for line in [*prose(path).splitlines(), ""]:
        text = line.strip()
        if text.startswith("|"):
            rows.append([cell.strip() for cell in text.strip("|").split("|")])
            continue
        if rows:
            yield above, [rows[0], *rows[2:]]
            rows = []
        above = text or above


def table(path: Path, *head: str) -> list[list[str]]:
    """The rows of every table of a page whose head starts with *head*."""
    found = [rows for _, rows in tables(path) if rows[0][: len(head)] == [*head]]
    assert found, f"{path.name} has no table that starts with {head}"
    return [row for rows in found for row in rows[1:]]


def commands(path: Path) -> Iterator[list[str]]:
    """What a page says to type: ``colorfast ...`` in code spans and shell blocks, as words."""
    lines = spans(prose(path))
    for block in blocks(path):
        if block.words[:1] and block.words[0] in _SHELL:
            lines += [line.strip().removeprefix("$ ") for line in block.text.splitlines()]
    yield from (shlex.split(line, comments=True) for line in lines if line.startswith("colorfast "))
