"""A plot of the ext_proc benchmark's main part, as SVG: no library needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from benchmarks._names import COMPILED, HTTP2, NONE, PYTHON, WORKERS
from benchmarks._parts import MAIN

_WIDTH, _LABEL, _BAR, _GAP, _TOP = 760, 220, 18, 6, 34
_OURS, _OTHERS, _INK = "#c2410c", "#94a3b8", "#1f2937"
_STYLE: Final = f"text{{font:12px sans-serif;fill:{_INK}}}.h{{font-weight:bold;font-size:13px}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Bars of one figure, longest is best or worst as the title says."""

    title: str
    bars: Sequence[tuple[str, float]]

    @property
    def height(self) -> int:
        return _TOP + len(self.bars) * (_BAR + _GAP) + _GAP

    def draw(self, top: int) -> str:
        longest = max((value for _, value in self.bars), default=0.0) or 1.0
        lines = [f'<text class="h" x="8" y="{top + 20}">{escape(self.title)}</text>']
        for number, (name, value) in enumerate(self.bars):
            y = top + _TOP + number * (_BAR + _GAP)
            width = (_WIDTH - _LABEL - 90) * value / longest
            colour = _OURS if name in (HTTP2, COMPILED, PYTHON, WORKERS) else _OTHERS
            size = f'width="{width:.1f}" height="{_BAR}"'
            lines += [
                f'<text x="{_LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{_LABEL}" y="{y}" {size} fill="{colour}"/>',
                f'<text x="{_LABEL + width + 6:.1f}" y="{y + 13}">{_short(value)}</text>',
            ]
        return "\n".join(lines)


def plot(result: Mapping[str, Any]) -> str:
    """The main part at the connections that come nearest to 64."""
    cells = result["parts"].get(MAIN, {}).get("cells", [])
    if not cells:
        return svg([])
    connections = min({cell["connections"] for cell in cells}, key=lambda one: abs(one - 64))
    here = [cell for cell in cells if cell["connections"] == connections]
    asked = [cell for cell in here if cell["row"] != NONE]
    at = f"{connections} connections, one Envoy worker"
    return svg(
        [
            Panel(title=f"Requests a second, {at}: more is better", bars=_bars(here, "requests/s")),
            Panel(
                title=f"CPU of the server, us a request, {at}: less is better",
                bars=_bars(asked, "service CPU"),
            ),
            Panel(title=f"p99, ms, {at}: less is better", bars=_bars(here, "p99")),
        ]
    )


def _bars(cells: Sequence[Mapping[str, Any]], figure: str) -> list[tuple[str, float]]:
    return [(cell["row"], cell[figure]) for cell in cells]


def svg(panels: Sequence[Panel]) -> str:
    """A whole file."""
    top, drawn = 0, []
    for panel in panels:
        drawn.append(panel.draw(top))
        top += panel.height
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    ground = f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>'
    body = "\n".join([f"<style>{_STYLE}</style>", ground, *drawn])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{body}\n</svg>\n'


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
