"""SPIFFE IDs: which client certificates are let in.

An ID is a URI, ``spiffe://trust-domain/path``, and the only URI among the certificate's subject
alternative names (SPIFFE ID 2.1 to 2.3, X509-SVID 2). A certificate with two is nobody's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_DOMAIN = "spiffe://[a-z0-9._-]{1,255}"
_SEGMENT = r"/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
_ID: Final = re.compile(f"{_DOMAIN}(?:{_SEGMENT})*")
MAX_ID: Final = 2048
"""Bytes of the longest ID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiffePattern:
    """One ID, or with *family* every ID below it."""

    spiffe_id: str
    family: bool

    @classmethod
    def parse(cls, text: str) -> "SpiffePattern":
        """``spiffe://td/ns/x/sa/y``, or ``spiffe://td/ns/x/*``. Raises ValueError."""
        spiffe_id = text.removesuffix("/*")
        if not _ID.fullmatch(spiffe_id) or len(spiffe_id) > MAX_ID:
            raise ValueError(
                f"{text!r} is no SPIFFE ID: write spiffe://domain/path, or .../* for all below it"
            )
        return cls(spiffe_id=spiffe_id, family=spiffe_id != text)

    def __str__(self) -> str:
        return f"{self.spiffe_id}/*" if self.family else self.spiffe_id

    def admits(self, spiffe_id: str) -> bool:
        """Whether *spiffe_id*, a valid one, is meant."""
        if self.family:
            return spiffe_id.startswith(f"{self.spiffe_id}/")
        return spiffe_id == self.spiffe_id


def spiffe_id_of(uris: Iterable[str]) -> str | None:
    """The ID of a certificate with these URI names; None when it is no X509-SVID."""
    found = tuple(uris)
    if len(found) != 1 or len(found[0]) > MAX_ID or not _ID.fullmatch(found[0]):
        return None
    return found[0]


def admitted(uris: Iterable[str], patterns: Iterable[SpiffePattern]) -> bool:
    """Whether a certificate with the URI names *uris* is let in; without patterns all are."""
    allowed = tuple(patterns)
    if not allowed:
        return True
    spiffe_id = spiffe_id_of(uris)
    return spiffe_id is not None and any(pattern.admits(spiffe_id) for pattern in allowed)
