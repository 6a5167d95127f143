"""What can be wrong in this room. docs/diagnostics.md has an entry for each code."""

from dataclasses import dataclass
from typing import Literal

from colorfast.policy import ColorfastError, Diagnostic, Rule

CODES: dict[str, tuple[Literal["error"], str]] = {
    "CF411": ("error", "regex needs ext_proc or native"),
    "CF412": ("error", "Wasm plugin is not there"),
}
"""Every code of this room: its level and its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WasmDiagnostic(Diagnostic):
    """A finding of this room."""

    @property
    def level(self) -> Literal["error"]:
        """Always ``error``: a plugin that differs from the policy is of no use."""
        return CODES[self.code][0]


def hard_regex(file: str, rule: Rule, pattern: str, why: str) -> WasmDiagnostic:
    """A *pattern* that no table of a bearable size decides."""
    return WasmDiagnostic(
        code="CF411",
        file=file,
        line=rule.position[0],
        column=rule.position[1],
        what=f"the regex {pattern!r} of rule {rule.name} is too hard for the Wasm plugin",
        why=why,
        fix="use ext_proc or native, which have RE2, or write a simpler pattern",
    )


def no_plugin(why: str, fix: str) -> ColorfastError:
    """``colorfast.wasm`` cannot be had."""
    return ColorfastError("CF412", "the Wasm plugin is not there", why=why, fix=fix)
