"""The share of the new versions as a picture: bars for a terminal, and an SVG."""

from collections.abc import Iterator, Sequence
from html import escape

from colorfast.mesh.release._load import Answer
from colorfast.mesh.release._paths import has_escaped, is_mixed
from colorfast.mesh.release._seen import Seen
from colorfast.mesh.release._shares import met, places
from colorfast.release import Release

_CELLS = 50
_WIDTH, _HEIGHT, _LEFT, _TOP = 900, 260, 50, 50
_BUCKET = 0.5
"""Seconds of one point of a line."""
_COLOURS = ("#1668b8", "#b8860b", "#2e8b57", "#8b3fa0", "#c25a00", "#5a6b7b")
_MIXED = "#c0a0a0"
_WRONG = "#c00000"

_Points = dict[int, list[bool]]
"""Samples by the number of their bucket."""


def bars(steps: Sequence[Seen]) -> Iterator[str]:
    """One line a step and place."""
    width = max(len(share.place) for one in steps for share in one.shares)
    for one in steps:
        marks = "  !" if one.escapes or one.errors else ""
        label = one.scene.label
        for share in one.shares:
            cells = round(_CELLS * share.seen)
            bar = "#" * cells + "." * (_CELLS - cells)
            yield f"{label:>4}  {share.place:<{width}}  {bar} {100 * share.seen:5.1f} %{marks}"
            label = marks = ""


def svg(release: Release, answers: Sequence[Answer], steps: Sequence[Seen]) -> str:
    """The shares over time, one line a place; a dot for each request that escaped or failed."""
    end = max((one.ended for one in answers), default=1.0)
    body = [
        *_frame(release),
        *_steps(answers, steps, end),
        *_lines(release, answers, end),
        *_dots(release, answers, end),
    ]
    size = f'width="{_WIDTH}" height="{_TOP + _HEIGHT + 30}"'
    text = "\n".join(body)
    style = "font-family='sans-serif' font-size='11'"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{text}\n</svg>\n'


def _frame(release: Release) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="18">{escape(release.name)}: share of the new versions</text>'
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent / 100)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y}" y2="{y}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{percent} %</text>'


def _steps(answers: Sequence[Answer], steps: Sequence[Seen], end: float) -> Iterator[str]:
    for one in steps:
        own = (each.began for each in answers if each.scene == one.scene.number)
        began = min(own, default=None)
        if began is not None:
            x = _x(began, end)
            bottom = _TOP + _HEIGHT
            yield f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" stroke="#888"/>'
            yield (
                f'<text x="{x + 3}" y="{bottom + 14}">{one.scene.label}'
                f"<title>{escape(one.scene.title)}</title></text>"
            )


def _lines(release: Release, answers: Sequence[Answer], end: float) -> Iterator[str]:
    """A line for each place, and one for mixed requests where there are any."""
    names = places(release)
    found: dict[str, _Points] = {name: {} for name in names}
    mixed: _Points = {}
    for one in answers:
        if not one.error:
            bucket = int(one.began / _BUCKET)
            mixed.setdefault(bucket, []).append(is_mixed(release, one.path))
            for name in names:
                found[name].setdefault(bucket, []).extend(met(release, one, name))
    x = _LEFT
    for index, name in enumerate(names):
        colour = _COLOURS[index % len(_COLOURS)]
        yield f'<text x="{x}" y="36" fill="{colour}">{escape(name)}</text>'
        yield _line(found[name], end, f'stroke="{colour}" stroke-width="2"')
        x += 8 * len(name) + 16
    if any(map(any, mixed.values())):
        yield f'<text x="{x}" y="36" fill="{_MIXED}">mixed requests</text>'
        yield _line(mixed, end, f'stroke="{_MIXED}" stroke-dasharray="4 3"')


def _line(points: _Points, end: float, style: str) -> str:
    drawn = " ".join(
        f"{_x((bucket + 0.5) * _BUCKET, end)},{_y(sum(new) / len(new))}"
        for bucket, new in sorted(points.items())
        if new
    )
    return f'<polyline points="{drawn}" fill="none" {style}/>'


def _dots(release: Release, answers: Sequence[Answer], end: float) -> Iterator[str]:
    for one in answers:
        if one.error or has_escaped(release, one.path):
            yield f'<circle cx="{_x(one.began, end)}" cy="{_TOP}" r="3" fill="{_WRONG}"/>'


def _x(seconds: float, end: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT) * min(seconds / end, 1.0), 1)


def _y(share: float) -> float:
    return round(_TOP + _HEIGHT * (1 - share), 1)
