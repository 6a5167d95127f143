"""What native filters cannot do. docs/diagnostics.md has an entry for each code."""

from dataclasses import dataclass
from typing import Literal

from colorfast.policy import Diagnostic, Policy, Rule

CODES: dict[str, tuple[Literal["error", "warning"], str]] = {
    "CF421": ("error", "native filters cannot express this"),
    "CF422": ("warning", "native filters drop baggage of 8 KiB or more"),
}
"""Every code of the native backend: its level and its title."""

WAY_OUT = "use lua, wasm or extproc"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeDiagnostic(Diagnostic):
    """A finding of the native backend. *rule* is the rule's name, empty for what is no rule's."""

    rule: str = ""

    @property
    def level(self) -> Literal["error", "warning"]:
        """``error``: there is no chain. ``warning``: there is, with a limit of its own."""
        return CODES[self.code][0]


def host_regex(policy: Policy, rule: Rule, pattern: str) -> NativeDiagnostic:
    """A regex of the host whose outcome depends on the case of letters."""
    return NativeDiagnostic(
        code="CF421",
        file=policy.file,
        line=rule.position[0],
        column=rule.position[1],
        rule=rule.name,
        what=f"native filters cannot express the host regex {pattern!r} of rule {rule.name}",
        why="they see the host as the client wrote it, and the pattern tells letters' cases apart",
        fix=f"set ignoreCase, write the pattern in lower case, or {WAY_OUT}",
    )


def large_regex(policy: Policy, rule: Rule | None, size: int, limit: int) -> NativeDiagnostic:
    """A regex, of a rule or of what surrounds them all, that Envoy would refuse."""
    whose = f"rule {rule.name}" if rule else "lanes or edge.baggage"
    line, column = rule.position if rule else (0, 0)
    return NativeDiagnostic(
        code="CF421",
        file=policy.file,
        line=line,
        column=column,
        rule=rule.name if rule else "",
        what=f"{whose} takes an RE2 program of {size:,} instructions, and {limit:,} is the limit",
        why="Envoy refuses larger ones (runtime re2.max_program_size.error_level)",
        fix=f"write a simpler pattern, fewer lanes or a lower limit, raise the limit, or {WAY_OUT}",
    )


def long_baggage(policy: Policy) -> NativeDiagnostic:
    """Baggage that header_to_metadata will not hold."""
    return NativeDiagnostic(
        code="CF422",
        file=policy.file,
        what="a baggage that holds our member, and 8,192 bytes or more of others, loses the others",
        why="header_to_metadata keeps no value of 8 KiB or more; our member is right all the same",
        fix=f"accept it (edge.baggage.maxBytes: 8191 says so at the entrance), or {WAY_OUT}",
    )
