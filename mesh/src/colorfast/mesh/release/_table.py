"""The table of a play: a row a step, and one more for each further place with a share."""

from collections.abc import Iterator, Sequence

from colorfast.mesh.release._scenes import Scene
from colorfast.mesh.release._seen import Seen
from colorfast.mesh.release._shares import Share

_TITLE, _PLACE = 52, 24
"""How long titles of steps and names of places may be."""
_NUMBERS = f"{'requests':>8} {'mixed':>5} {'escapes':>7} {'errors':>6} {'back':>5}"


class Table:
    """The columns are the same for every release, and as wide as *places* and *play* need."""

    def __init__(self, places: Sequence[str], play: Sequence[Scene]) -> None:
        self._place = min(max(2, *map(len, places)), _PLACE)
        self._title = min(max(len(scene.title) for scene in play), _TITLE)

    @property
    def heading(self) -> str:
        """The names of the columns."""
        return f"{self._left('step', '')} {self._share('at', 'asked', 'seen')} {_NUMBERS}"

    def rows(self, one: Seen) -> Iterator[str]:
        """The lines of one step; what is counted of it is on the first."""
        first, *others = map(self._share_of, one.shares)
        counts = f"{one.requests:>8} {one.mixed:>5} {one.escapes:>7} {one.errors:>6} {one.back:>5}"
        yield f"{self._left(one.scene.label, one.scene.title)} {first} {counts}"
        for other in others:
            yield f"{self._left('', '')} {other}"

    def _left(self, label: str, title: str) -> str:
        return f"{label:>4}  {_cut(title, self._title):<{self._title}}"

    def _share_of(self, one: Share) -> str:
        return self._share(one.place, f"{one.asked / 100:g} %", f"{100 * one.seen:.1f} %")

    def _share(self, place: str, asked: str, found: str) -> str:
        return f"{_cut(place, self._place):<{self._place}} {asked:>7} {found:>7}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
