"""Findings of an object: the key that they are about, in place of a line that nobody has seen."""

from dataclasses import replace

from colorfast.policy._errors import Diagnostic
from colorfast.policy._source import Document, Path


def placed_by_path(document: Document, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """*found* with paths in front of what is said, and without lines and columns."""
    paths = {at: path for path, at in (*document.values.items(), *document.keys.items())}
    return tuple(_placed(one, paths.get((one.line, one.column), ())) for one in found)


def dotted(path: Path) -> str:
    """*path* as ``kubectl`` writes it: ``spec.rules[0].lane``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def _placed(one: Diagnostic, path: Path) -> Diagnostic:
    what = f"{dotted(path)}: {one.what}" if path else one.what
    return replace(one, line=0, column=0, what=what)
