"""What a policy can ask of a Lua script in vain. docs/diagnostics.md has an entry for each code."""

from dataclasses import dataclass
from typing import Literal

from colorfast.policy import Diagnostic, Policy, Rule

CODES: dict[str, tuple[Literal["error"], str]] = {
    "CF401": ("error", "Lua script larger than 64 KiB"),
    "CF402": ("error", "regex needs ext_proc or native"),
}
"""Every code of this room: its level and its title."""

MAX_BYTES = 64 << 10
"""Bytes in the longest script: what Istio's TrafficExtension takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LuaDiagnostic(Diagnostic):
    """A finding of this room."""

    @property
    def level(self) -> Literal["error"]:
        """Always ``error``: a script that differs from the policy is of no use."""
        return CODES[self.code][0]


def too_large(policy: Policy, size: int) -> LuaDiagnostic:
    """The script of *policy* has *size* bytes."""
    return LuaDiagnostic(
        code="CF401",
        file=policy.file,
        what=f"the Lua script has {size:,} bytes, and {MAX_BYTES:,} is the limit",
        why=f"it holds {len(policy.active_rules):,} rules, and Istio takes no longer script",
        fix="say values of rules that give the same lane in one `in`, or use extproc or wasm",
    )


def hard_regex(policy: Policy, rule: Rule, pattern: str, why: str) -> LuaDiagnostic:
    """A *pattern* that no table of a bearable size decides."""
    return LuaDiagnostic(
        code="CF402",
        file=policy.file,
        line=rule.position[0],
        column=rule.position[1],
        what=f"Lua cannot decide the regex {pattern!r} of rule {rule.name}",
        why=why,
        fix="use extproc or native, which have RE2, or write a simpler pattern",
    )
