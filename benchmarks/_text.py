"""Tables, as text for a terminal and as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as text. The first column says what a row is, the others are figures."""

    name: str
    """Stable: documentation says by it where the table goes."""
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """In columns, indented."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        body = "\n".join(f"  {_aligned(line, widths)}" for line in lines)
        return f"  {self.title}\n{body}"

    def markdown(self) -> str:
        """The table alone, without its title."""
        rule = ["---", *["---:"] * (len(self.head) - 1)]
        return "\n".join(f"| {' | '.join(line)} |" for line in [self.head, rule, *self.rows])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(line, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return "  ".join(cells).rstrip()


def print_tables(tables: Iterable[Table]) -> None:
    for table in tables:
        if table.rows:
            print(f"\n{table.text()}")


def brief(error: Exception) -> str:
    """One line: how it starts and how it ends, for the end of a log says most."""
    text = " ".join(str(error).split())
    return text if len(text) <= 400 else f"{text[:150]} ... {text[-240:]}"
