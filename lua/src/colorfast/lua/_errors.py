"""What a policy can ask of a Lua script in vain. docs/diagnostics.md has an entry for each code."""

from colorfast.policy import Codes, Diagnostic, Policy, Rule, finding

CODES: Codes = {
    "CF401": ("error", "Lua script larger than 64 KiB"),
    "CF402": ("error", "regex needs ext_proc or native"),
}
"""Every code of this room: its level and its title."""

MAX_BYTES = 64 << 10
"""Bytes in the longest script: what Istio's TrafficExtension takes."""


def too_large(policy: Policy, rule: Rule | None, size: int) -> Diagnostic:
    """The script of *policy* has *size* bytes; it was short enough before *rule*."""
    at = rule.position if rule else (0, 0)
    place = f", from rule {rule.name} on" if rule else ""
    return finding(
        CODES,
        "CF401",
        policy.file,
        at,
        what=f"the Lua script has {size:,} bytes, above the limit of {MAX_BYTES:,}{place}",
        why=f"it holds {len(policy.active_rules):,} rules, and Istio takes no longer script",
        fix="say values of rules that give the same lane in one `in`, or use ext_proc or wasm",
    )


def hard_regex(policy: Policy, rule: Rule, pattern: str, why: str) -> Diagnostic:
    """A *pattern* that no table of a bearable size decides."""
    return finding(
        CODES,
        "CF402",
        policy.file,
        rule.position,
        what=f"Lua cannot decide the regex {pattern!r} of rule {rule.name}",
        why=why,
        fix="use ext_proc or native, which have RE2, or write a simpler pattern",
    )
