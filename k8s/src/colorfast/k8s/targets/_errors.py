"""What a target cannot carry. docs/diagnostics.md has an entry for each code."""

from colorfast.policy import Codes, Diagnostic, Policy, finding

CODES: Codes = {
    "CF431": ("error", "control plane is too old for it"),
    "CF432": ("error", "target cannot carry this backend"),
    "CF433": ("warning", "target cannot say everything"),
}
"""Every code of these targets: its level and its title."""


def too_old(policy: Policy, what: str, needs: str, has: str, *, fix: str) -> Diagnostic:
    """*what* needs a newer control plane."""
    return finding(
        CODES, "CF431", policy.file, (0, 0), what=f"{what} needs {needs}, not {has}", fix=fix
    )


def cannot_carry(policy: Policy, what: str, *, why: str = "", fix: str = "") -> Diagnostic:
    """A combination that the target has no place for."""
    return finding(CODES, "CF432", policy.file, (0, 0), what=what, why=why, fix=fix)


def cannot_say(policy: Policy, what: str, *, why: str = "", fix: str = "") -> Diagnostic:
    """Something that will be otherwise than the policy means, or that is left to the operator."""
    return finding(CODES, "CF433", policy.file, (0, 0), what=what, why=why, fix=fix)
