"""The share of the new versions as a picture: bars for a terminal, and an SVG."""

from collections.abc import Iterator, Sequence
from html import escape

from colorfast.mesh.release._load import Answer
from colorfast.mesh.release._seen import Seen, escaped, is_new
from colorfast.release import Release

_CELLS = 50
_WIDTH, _HEIGHT, _LEFT, _TOP = 900, 260, 50, 30
_BUCKET = 0.5
"""Seconds of one point of the line."""


def bars(steps: Sequence[Seen]) -> Iterator[str]:
    """One line a step."""
    for one in steps:
        cells = round(_CELLS * one.share)
        marks = "  !" if one.escapes or one.errors else ""
        bar = "#" * cells + "." * (_CELLS - cells)
        yield f"{one.number:>4}  {bar} {100 * one.share:5.1f} %{marks}"


def svg(release: Release, answers: Sequence[Answer], steps: Sequence[Seen]) -> str:
    """The share over time; a line for each step, a dot for each request with both versions."""
    end = max((one.ended for one in answers), default=1.0)
    body = [
        *_frame(release),
        *_steps(answers, steps, end),
        _line(release, answers, end),
        *_dots(release, answers, end),
    ]
    size = f'width="{_WIDTH}" height="{_HEIGHT + 60}"'
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
        began = min((each.began for each in answers if each.step == one.number), default=None)
        if began is not None:
            x = _x(began, end)
            bottom = _TOP + _HEIGHT
            yield f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" stroke="#888"/>'
            yield (
                f'<text x="{x + 3}" y="{bottom + 14}">{one.number}'
                f"<title>{escape(one.title)}</title></text>"
            )


def _line(release: Release, answers: Sequence[Answer], end: float) -> str:
    buckets: dict[int, list[bool]] = {}
    for one in answers:
        if not one.error:
            buckets.setdefault(int(one.began / _BUCKET), []).append(is_new(release, one.path))
    points = " ".join(
        f"{_x((index + 0.5) * _BUCKET, end)},{_y(sum(new) / len(new))}"
        for index, new in sorted(buckets.items())
    )
    return f'<polyline points="{points}" fill="none" stroke="#1668b8" stroke-width="2"/>'


def _dots(release: Release, answers: Sequence[Answer], end: float) -> Iterator[str]:
    for one in answers:
        if one.error or escaped(release, one.path):
            colour = "#c00000"
            yield f'<circle cx="{_x(one.began, end)}" cy="{_TOP}" r="3" fill="{colour}"/>'


def _x(seconds: float, end: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT) * min(seconds / end, 1.0), 1)


def _y(share: float) -> float:
    return round(_TOP + _HEIGHT * (1 - share), 1)
