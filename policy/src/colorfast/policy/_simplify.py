"""The plain matcher that says the same as a regex, if there is one."""

import re

_LITERAL = r"(?:[^\\.+*?()|\[\]{}^$]|\\[^0-9A-Za-z])+"
_SHAPES = (
    (re.compile(rf"({_LITERAL})"), "exact: {}"),
    (re.compile(rf"({_LITERAL})\.\*"), "prefix: {}"),
    (re.compile(rf"\.\*({_LITERAL})"), "suffix: {}"),
    (re.compile(rf"\.\*({_LITERAL})\.\*"), "contains: {}"),
)
_ALTERNATIVES = re.compile(rf"\(?(?:\?:)?({_LITERAL}(?:\|{_LITERAL})+)\)?")


def plain_matcher(pattern: str) -> str | None:
    """``prefix: "/api/"`` for ``/api/.*``, and so on; None when only a regex will do."""
    body = pattern.removeprefix("^")
    if body.endswith("$") and not body.endswith(r"\$"):
        body = body[:-1]
    for shape, matcher in _SHAPES:
        found = shape.fullmatch(body)
        if found:
            return matcher.format(_quoted(found[1]))
    found = _ALTERNATIVES.fullmatch(body)
    if found and body.startswith("(") == body.endswith(")"):
        return "in: [" + ", ".join(_quoted(text) for text in found[1].split("|")) + "]"
    return None


def _quoted(literal: str) -> str:
    text = re.sub(r"\\(.)", r"\1", literal).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
