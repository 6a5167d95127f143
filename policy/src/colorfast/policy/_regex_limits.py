"""What keeps the compilation of a regex bounded, and how it says no."""

from typing import Final

TOKEN: Final = 2
"""Steps that a piece of syntax costs."""
PLACE: Final = 10
"""Steps that a place of an automaton costs: the budget bounds the memory as well."""


class DfaError(ValueError):
    """A pattern that cannot become a table: *what* says why, in plain English.

    The caller knows where the pattern stands and what else could run it; this does not.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Steps:
    """A budget of elementary steps. Steps, not seconds: every machine gives the same answer."""

    __slots__ = ("left",)

    def __init__(self, limit: int) -> None:
        self.left = limit

    def spend(self, count: int = 1) -> None:
        """Take *count* steps. Raises DfaError when none is left."""
        self.left -= count
        if self.left < 0:
            raise DfaError("takes too much work to turn into a table")
