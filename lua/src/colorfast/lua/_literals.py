"""Values as Lua source, in ASCII."""

from collections.abc import Iterable

_ESCAPED = {b: chr(b) if 0x20 <= b < 0x7F else f"\\{b:03d}" for b in range(256)} | {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}


def text(value: str | bytes) -> str:
    """A string literal of these bytes (of this text's UTF-8)."""
    data = value.encode() if isinstance(value, str) else value
    return '"' + "".join(map(_ESCAPED.__getitem__, data)) + '"'


def comment(value: str) -> str:
    """*value* fit to stand behind ``-- ``: one line, and printable."""
    return "".join(c if c.isprintable() else "?" for c in value)


def array(items: Iterable[str]) -> str:
    """A table constructor on one line."""
    return "{" + ", ".join(items) + "}"


def pattern(literal: str) -> str:
    """A Lua pattern (Lua 5.1 section 5.4.1) that matches the ASCII text *literal*."""
    return "".join(c if c.isalnum() else f"%{c}" for c in literal)
