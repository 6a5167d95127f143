"""What can be wrong in this room. docs/diagnostics.md has an entry for each code."""

from pathlib import Path

from colorfast.policy import Codes, ColorfastError, Diagnostic, Rule, finding

CODES: Codes = {
    "CF411": ("error", "regex needs ext_proc or native"),
    "CF412": ("error", "Wasm plugin is not there"),
    "CF413": ("error", "image cannot be written"),
}
"""Every code of this room: its level and its title."""


def hard_regex(file: str, rule: Rule, pattern: str, why: str) -> Diagnostic:
    """A *pattern* that no table of a bearable size decides."""
    return finding(
        CODES,
        "CF411",
        file,
        rule.position,
        what=f"the Wasm plugin cannot decide the regex {pattern!r} of rule {rule.name}",
        why=why,
        fix="use ext_proc or native, which have RE2, or write a simpler pattern",
    )


def no_plugin(why: str, fix: str) -> ColorfastError:
    """``colorfast.wasm`` cannot be had."""
    return ColorfastError("CF412", "the Wasm plugin is not there", why=why, fix=fix)


def no_image(directory: Path, why: str) -> ColorfastError:
    """The image layout cannot be written into *directory*."""
    fix = "choose a folder that may be written to, on a disk with room"
    return ColorfastError("CF413", f"no image can be written to {directory}", why=why, fix=fix)
