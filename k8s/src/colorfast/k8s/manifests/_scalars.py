"""Plain scalars as Kubernetes reads them: YAML 1.1, as sigs.k8s.io/yaml has it."""

import re
from typing import Final

_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_MAX_DIGITS: Final = 20
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}  # fmt: skip


def resolve(text: str, *, plain: bool) -> bool | int | float | str | None:
    """The value that a scalar stands for; one in quotes or a block is its text."""
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) < _MAX_DIGITS:
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
