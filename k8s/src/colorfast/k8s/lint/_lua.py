"""What a Lua script does to request headers, read from its tokens.

Not an interpreter: it sees calls of ``add``, ``replace`` and ``remove`` whose first argument is a
text or a name that was given a text once, and whether an ``if`` decides about them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"--\[(?P<ce>=*)\[.*?\](?P=ce)\]|--[^\n]*"
    r"|\[(?P<se>=*)\[(?P<long>.*?)\](?P=se)\]"
    r"|\"(?P<double>(?:\\.|[^\"\\\n])*)\"|'(?P<single>(?:\\.|[^'\\\n])*)'"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<number>\d[\w.]*)|(?P<op>==|~=|[^\s\w])",
    re.DOTALL,
)
_OPENS: Final = frozenset({"function", "do", "if", "repeat"})
"""``for`` and ``while`` come with a ``do``."""
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
    tokens = list(_tokens(source))
    constants = _constants(tokens)
    calls = tuple(_calls(tokens, constants))
    clears = any(token.text == "clearRouteCache" for token in tokens)
    return Script(calls=calls, clears_route=clears)


def _tokens(source: str) -> Iterator[_Token]:
    line = counted = 0
    for found in _TOKEN.finditer(source):
        line += source.count("\n", counted, found.start())
        counted = found.start()
        for kind in ("long", "double", "single"):
            if found[kind] is not None:
                yield _Token("string", found[kind], line)
        for kind in ("name", "number", "op"):
            if found[kind] is not None:
                yield _Token(kind, found[kind], line)


def _constants(tokens: list[_Token]) -> dict[str, str]:
    """Names that stand for one text: ``local A, B = "a", "b"``. Assigned twice, they are none."""
    found: dict[str, str] = {}
    for at, token in enumerate(tokens):
        if token.text != "=" or token.kind != "op":
            continue
        names, position = list[str](), at - 1
        while position >= 0 and tokens[position].kind == "name":
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
                conditional="if" in blocks,
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
