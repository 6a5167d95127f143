"""What the command line chooses."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Nothing chosen is everything."""

    quick: bool = False
    """Fewer rounds: a look, not a figure. A missed target fails nothing then."""
    rows: tuple[str, ...] = ()
    """Parts of the names of rows."""
    connections: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    """Of the ext_proc benchmark."""
    soak: float | None = None
    """Millions of requests of the soak."""
    seconds: int | None = None
    """Of one sample."""
    rounds: int | None = None

    def wants_row(self, name: str) -> bool:
        return not self.rows or any(part in name for part in self.rows)

    def wants_part(self, name: str) -> bool:
        return not self.parts or name in self.parts

    def connections_of(self, planned: Iterable[int]) -> tuple[int, ...]:
        return self.connections or tuple(planned)
