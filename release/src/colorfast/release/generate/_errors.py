"""What can stand in the way of a release's objects. docs/diagnostics.md has an entry for each."""

from colorfast.policy import Codes, Diagnostic
from colorfast.release._model import Change, Release

CODES: Codes = {
    "CF820": ("error", "header route on one pod"),
    "CF821": ("error", "share that routes cannot have"),
    "CF822": ("error", "share by routes that this controller cannot play"),
    "CF823": ("warning", "pauses that this controller does not know"),
    "CF824": ("error", "condition that this controller cannot say"),
    "CF825": ("error", "lane whose subset the release needs"),
    "CF826": ("warning", "filters that do not send what the split reads"),
    "CF827": ("warning", "measurements that nobody takes"),
}
"""Every code of this package: its level and its title."""


def finding(  # noqa: PLR0913 (what, why and fix are one thing)
    release: Release, code: str, what: str, *, why: str, fix: str, change: Change | None = None
) -> Diagnostic:
    """What is wrong with *release*, at *change* where it is about one."""
    line, column = change.position if change else (0, 0)
    return Diagnostic(
        code=code,
        level=CODES[code][0],
        file=release.file,
        line=line,
        column=column,
        what=what,
        why=why,
        fix=fix,
    )
