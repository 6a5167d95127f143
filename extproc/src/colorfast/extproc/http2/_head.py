"""The head of a request: a header list that is well-formed (RFC 9113 sections 8.2 and 8.3)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from colorfast.extproc.http2._errors import ErrorCode, StreamFault
from colorfast.extproc.http2._hpack import Field

_NAME: Final = re.compile(rb"[!-9;-@\[-~]+")
"""Visible ASCII without upper case and without a colon (section 8.2.1)."""

_VALUE: Final = re.compile(rb"(?:[^\x00\n\r\t ](?:[^\x00\n\r]*[^\x00\n\r\t ])?)?")
_PSEUDO: Final = frozenset({b":method", b":scheme", b":authority", b":path"})
_OF_CONNECTIONS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Fields that speak of a connection of HTTP/1.1 (section 8.2.2)."""

_MAX_LENGTH: Final = 18
"""Digits of a ``content-length``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """What a request says before its body.

    *fields* are those that are no pseudo-headers; values that nobody reads are left out.
    """

    method: bytes
    path: bytes
    """Empty for CONNECT, which has none."""
    fields: tuple[Field, ...]
    content_length: int | None
    """Bytes of DATA to come; None when it does not say."""

    def first(self, name: bytes) -> bytes | None:
        """The value of the first field called *name*."""
        return next((value for field, value in self.fields if field == name), None)


def request_head(fields: Iterable[Field]) -> Head:
    """*fields* as the head of a request. Raises StreamFault."""
    pseudo: dict[bytes, bytes] = {}
    regular: list[Field] = []
    for name, value in fields:
        if not name.startswith(b":"):
            _check(name, value)
            regular.append((name, value))
        elif regular or name in pseudo or name not in _PSEUDO:
            raise _malformed("a pseudo-header is unknown, repeated, or out of its place")
        elif _VALUE.fullmatch(value) is None:
            raise _malformed("a pseudo-header has a value that no field may have")
        else:
            pseudo[name] = value
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    if method == b"CONNECT":
        complete = b":authority" in pseudo and b":scheme" not in pseudo and not path
    else:
        complete = bool(method and path and pseudo.get(b":scheme"))
    if not complete:
        raise _malformed("a pseudo-header is missing")
    return Head(
        method=method, path=path, fields=tuple(regular), content_length=_content_length(regular)
    )


def check_trailers(fields: Iterable[Field]) -> None:
    """Make sure that *fields* may come after a body. Raises StreamFault."""
    for name, value in fields:
        if name.startswith(b":"):
            raise _malformed("a pseudo-header among trailers")
        _check(name, value)


def check_value(value: bytes) -> None:
    """Make sure that a field may have *value*. Raises StreamFault."""
    if _VALUE.fullmatch(value) is None:
        raise _malformed("a field has a value that none may have")


def _check(name: bytes, value: bytes) -> None:
    if _NAME.fullmatch(name) is None:
        raise _malformed("a field has a name that none may have")
    check_value(value)
    if name in _OF_CONNECTIONS or (name == b"te" and value != b"trailers"):
        raise _malformed("a field speaks of the connection")


def _content_length(fields: Iterable[Field]) -> int | None:
    values = {value for name, value in fields if name == b"content-length"}
    if not values:
        return None
    value = values.pop()
    if values or not value.isdigit() or len(value) > _MAX_LENGTH:
        raise _malformed("content-length is not one number")
    return int(value)


def _malformed(why: str) -> StreamFault:
    return StreamFault(ErrorCode.PROTOCOL_ERROR, why)
