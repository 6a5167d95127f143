r"""Whether a regex means the same to every Envoy.

RE2 in Envoy reads a text as bytes since 1.39, and as UTF-8 before: then ``.`` is a whole character,
and matches no byte that is not UTF-8. The two ways agree on texts of ASCII. So a pattern is the
same for both when neither way takes a text with any other byte in it:

- on bytes, that is what its automaton says;
- as UTF-8, a pattern that names only ASCII takes one by what takes bytes above 0x7F in the other
  way, too, such as ``.`` and ``[^x]``, which the automaton shows; or where case is folded, for
  U+212A is a k there, and U+017F is an s.
"""

import re

from colorfast.policy import Dfa, DfaError, compile_dfa

_FOLDS = re.compile(r"\(\?[msU-]*i")
_NAMES_MORE = re.compile(r"\\(?:x(?![0-7][0-9A-Fa-f])|[23][0-7]{2})")
"""Escapes of what is, or may be, above 0x7F."""
_ABOVE_ASCII = range(0x80, 0x100)


def same_in_utf8(pattern: str, *, ignore_case: bool) -> bool:
    """Whether RE2 takes the same texts by *pattern* on bytes and as UTF-8.

    False when it cannot be told.
    """
    if not pattern.isascii() or _NAMES_MORE.search(pattern):
        return False
    try:
        dfa = compile_dfa(pattern, ignore_case=ignore_case)
    except DfaError:
        return False
    folds = ignore_case or _FOLDS.search(pattern) is not None
    return not _takes(dfa, [*_ABOVE_ASCII, *(b"kKsS" if folds else b"")])


def _takes(dfa: Dfa, some: list[int]) -> bool:
    """Whether a text that *dfa* takes holds one of *some* bytes."""
    columns = {dfa.classes[byte] for byte in some}
    rows = range(0, len(dfa.table), dfa.width)
    # The automaton is minimal: a state that is not the dead one leads to an end.
    return any(dfa.table[row + column] != dfa.dead for row in rows for column in columns)
