r"""Regular expressions that take a member out of ``baggage`` inside Envoy.

Theory of operation. RE2 reads text as Latin-1 or as UTF-8, whichever its host asks for. Envoy 1.40
asks for Latin-1, where ``[^,]`` is any byte but a comma; nothing promises that it stays so. In its
UTF-8 mode neither ``.`` nor ``[^,]`` matches a byte that is not UTF-8, and header values may hold
such bytes: a spoofed member would hide behind one ``\xff``. So these hold in both modes. ``\C``
matches any byte. For "any byte except a comma", which it cannot say, two turns make up: a lazy
``\C*?`` that ends at the first ``,`` or ``$`` never crosses a comma, because nothing after it can
fail; and what it had to consume to see the end (the comma) is given back by the substitution.

Every alternative takes a whole run of pieces, so a match never looks much further than it
consumes: replacing is linear in the value, whatever the bytes.
"""

import re

from colorfast.lane import Member

LONGEST_KEY = 12
"""Characters of the longest member key that ``strip_regex`` is for.

Envoy refuses a pattern whose RE2 program is larger than 100 (``re2.max_program_size.error_level``),
and the key stands in it three times. The program for UTF-8 is the larger one.
"""

KEEP = r"\1"
"""The substitution for ``strip_regex``: gives back the comma in front of a foreign piece."""


def presence_regex(member: Member) -> str:
    """Full match: *baggage* (all lines joined with ``,``) holds a piece of *member*."""
    return rf"(?:\C*,)?{_ours(member)}\C*"


def strip_regex(member: Member) -> str:
    """Global replace by ``KEEP``: leaves what ``Member.read`` calls *rest*.

    Only for values that ``presence_regex`` matches: it trims the others too. Exact, but for one
    case: in UTF-8 mode, when the last run of pieces holds bytes that are not UTF-8, the white space
    in front of that run stays.
    """
    ours = _ours(member)
    return "|".join(
        (
            # A run at the front, with the white space that would then lead the value.
            rf"^{_OWS}(?:{ours}\C*?(?:,{_OWS}|$))+",
            # A run at the end, with the white space that would then trail. `\C*?` would run
            # across commas to reach the end, hence `[^,]`.
            rf"{_OWS}(?:,{ours}[^,]*)+$",
            # A run in between (or at the end, with bytes that `[^,]` did not match).
            rf"(?:,{ours}\C*?)+(,|$)",
            r"^[ \t]+",
            r"[ \t]+$",
        )
    )


_OWS = r"[ \t]*"


def _ours(member: Member) -> str:
    return rf"{_OWS}{re.escape(member.key)}{_OWS}="
