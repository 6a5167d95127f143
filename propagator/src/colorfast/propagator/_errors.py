"""What can go wrong in a service that carries lanes."""

from typing import Literal

CODES: dict[str, tuple[Literal["error", "warning"], str]] = {
    "CF701": ("error", "lane that the SDK will not use"),
    "CF702": ("warning", "SDK setting that cannot be used"),
    "CF703": ("warning", "lane kept back from a host"),
    "CF704": ("warning", "carrier that cannot be read or written"),
    "CF705": ("warning", "SDK could not be installed"),
    "CF706": ("warning", "list of live lanes that cannot be used"),
}
"""Every code of this room: its level and its title. docs/diagnostics.md has an entry for each."""


class InvalidLane(ValueError):
    """CF701: application code asks for a lane that cannot be one. ``str()`` says why and the fix.

    Only what application code calls on purpose raises it; what arrives in messages never does.
    """

    code = "CF701"

    def __init__(self, name: object, *, why: str, fix: str) -> None:
        super().__init__(name)
        self.what = f"{name!r:.80} cannot be used as a lane"
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        return f"error {self.code}: {self.what}\n    why: {self.why}\n    fix: {self.fix}"
