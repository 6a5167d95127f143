"""What a Lua script does to request headers, read from its tokens.

Not an interpreter: it sees calls of ``add``, ``replace`` and ``remove`` whose first argument is a
text or a name that was given a text once, and whether an ``if`` decides about them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"(?P<comment>--)?\[(?P<level>=*)\[|--[^\n]*|(?P<quote>[\"'])"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<number>\d[\w.]*)|(?P<op>==|~=|[^\s\w])"
)
_TEXT: Final = {
    '"': re.compile(r"(?:[^\"\\\n]|\\.)*+\"", re.DOTALL),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+'", re.DOTALL),
}
_OPENS: Final = frozenset({"function", "do", "if", "repeat"})
"""``for`` and ``while`` come with a ``do``."""
MAX_SCRIPT: Final = 256 << 10
"""Characters of a script that are read; Istio takes 64 KiB."""
_MOST_NAMES: Final = 16
_DEEPEST: Final = 100
VERBS: Final = frozenset({"add", "replace", "remove"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A header write. *header* is in lower case, None when it is not known."""

    verb: str
    header: str | None
    value: str | None
    line: int
    """Counted from 0."""
    conditional: bool
    """Whether it is in a branch of an ``if`` that another branch could be taken instead of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a script does to headers."""

    calls: tuple[Call, ...]
    clears_route: bool

    def always(self, header: str) -> bool:
        """Whether every request has *header* written or removed."""
        mine = [call for call in self.calls if call.header in (header, None)]
        return any(not call.conditional or call.verb == "remove" for call in mine)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def read_script(source: str) -> Script:
    """Read *source*; whatever it is, something comes back."""
    tokens = list(_tokens(source[:MAX_SCRIPT]))
    constants = _constants(tokens)
    calls = tuple(_calls(tokens, constants))
    clears = any(token.text == "clearRouteCache" for token in tokens)
    return Script(calls=calls, clears_route=clears)


def _tokens(source: str) -> Iterator[_Token]:
    """Tokens in order. What does not end ends the script, or its line: no text is read twice."""
    line = counted = at = 0
    while found := _TOKEN.search(source, at):
        line += source.count("\n", counted, found.start())
        counted, at = found.start(), found.end()
        if found["level"] is not None:
            closing = f"]{found['level']}]"
            end = source.find(closing, at)
            if end < 0:
                return
            if not found["comment"]:
                yield _Token("string", source[at:end], line)
            at = end + len(closing)
        elif found["quote"]:
            text = _TEXT[found["quote"]].match(source, at)
            if text:
                yield _Token("string", text[0][:-1], line)
                at = text.end()
            else:
                end = source.find("\n", at)
                at = end if end >= 0 else len(source)
        else:
            for kind in ("name", "number", "op"):
                if found[kind]:
                    yield _Token(kind, found[kind], line)


def _constants(tokens: list[_Token]) -> dict[str, str]:
    """Names that stand for one text: ``local A, B = "a", "b"``. Assigned twice, they are none."""
    found: dict[str, str] = {}
    for at, token in enumerate(tokens):
        if token.text != "=" or token.kind != "op":
            continue
        names, position = list[str](), at - 1
        while position >= 0 and tokens[position].kind == "name" and len(names) < _MOST_NAMES:
            names.insert(0, tokens[position].text)
            if position < 1 or tokens[position - 1].text != ",":
                break
            position -= 2
        local = tokens[at - 2 * len(names)].text == "local" if at >= 2 * len(names) else False
        position = at + 1
        for name in names:
            value = tokens[position] if position < len(tokens) else token
            known = local and value.kind == "string" and name not in found
            found[name] = value.text if known else ""
            if position + 1 >= len(tokens) or tokens[position + 1].text != ",":
                break
            position += 2
    return {name: text for name, text in found.items() if text}


def _calls(tokens: list[_Token], constants: dict[str, str]) -> Iterator[Call]:
    blocks: list[str] = []
    for at, token in enumerate(tokens):
        if token.kind == "name":
            _follow(blocks, token.text)
        verb = tokens[at + 1] if at + 1 < len(tokens) else token
        opens = at + 2 < len(tokens) and tokens[at + 2].text == "("
        if token.text == ":" and verb.kind == "name" and verb.text in VERBS and opens:
            first, second = _argument(tokens, at + 3, constants)
            yield Call(
                verb=verb.text,
                header=first.lower() if first is not None else None,
                value=second,
                line=verb.line,
                conditional="if" in blocks[:_DEEPEST],
            )


def _follow(blocks: list[str], word: str) -> None:
    if word in _OPENS:
        blocks.append(word)
    elif word == "else" and blocks and blocks[-1] == "if":
        blocks[-1] = "else"  # what stands in both branches is written always
    elif word in ("end", "until") and blocks:
        blocks.pop()


def _argument(
    tokens: list[_Token], at: int, constants: dict[str, str]
) -> tuple[str | None, str | None]:
    """The first argument and, when it is a plain one, the second."""
    first = _value(tokens, at, constants)
    second = None
    if at + 1 < len(tokens) and tokens[at + 1].text == ",":
        second = _value(tokens, at + 2, constants)
    return first, second


def _value(tokens: list[_Token], at: int, constants: dict[str, str]) -> str | None:
    if at + 1 >= len(tokens) or tokens[at + 1].text not in (",", ")"):
        return None
    token = tokens[at]
    if token.kind == "string":
        return token.text
    return constants.get(token.text) if token.kind == "name" else None
