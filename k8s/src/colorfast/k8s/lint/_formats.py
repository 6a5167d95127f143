"""Findings as other tools read them: GitHub's workflow commands, and SARIF 2.1.0."""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

from colorfast.policy import Codes, Diagnostic, Level

_COMMANDS: Final[dict[Level, str]] = {"error": "error", "warning": "warning", "note": "notice"}
_DOCS: Final = "docs/diagnostics.md"


def github_lines(findings: Iterable[Diagnostic]) -> Iterator[str]:
    """A workflow command for each finding, so that a pull request shows it at its line."""
    for one in findings:
        places = {"file": one.file, "line": one.line, "col": one.column}
        properties = ",".join(
            f"{key}={_property(str(value))}" for key, value in places.items() if value
        )
        message = "\n".join(part for part in (one.what, one.why, one.fix) if part)
        yield (
            f"::{_COMMANDS[one.level]} {properties},title={_property(one.code)}::{_data(message)}"
        )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(
    findings: Iterable[Diagnostic],
    suppressed: Iterable[Diagnostic],
    *,
    codes: Codes,
    version: str,
) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run. *codes* has the titles of every code that may occur."""
    kept, hidden = list(findings), list(suppressed)
    named = sorted({one.code for one in (*kept, *hidden)})
    rules = {code: number for number, code in enumerate(named)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "colorfast",
                        "semanticVersion": version,
                        "rules": [_rule(code, codes) for code in named],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    *(_result(one, rules) for one in kept),
                    *(
                        _result(one, rules) | {"suppressions": [{"kind": "inSource"}]}
                        for one in hidden
                    ),
                ],
            }
        ],
    }


def _rule(code: str, codes: Codes) -> dict[str, Any]:
    level, title = codes[code]
    return {
        "id": code,
        "shortDescription": {"text": title},
        "help": {"text": f"{code} in {_DOCS} says why it matters and the way out."},
        "defaultConfiguration": {"level": level},
    }


def _result(one: Diagnostic, rules: dict[str, int]) -> dict[str, Any]:
    parts = [one.what, f"why: {one.why}" if one.why else "", f"fix: {one.fix}" if one.fix else ""]
    text = "\n".join(part for part in parts if part)
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(one.file.replace("\\", "/"))}}
    if one.line:
        location["region"] = {"startLine": one.line, "startColumn": max(one.column, 1)}
    return {
        "ruleId": one.code,
        "ruleIndex": rules[one.code],
        "level": one.level,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    }
