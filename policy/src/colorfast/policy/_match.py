"""Conditions as predicates over one value."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import TypeAlias

import re2

from colorfast.policy._ir import Condition, Kind

Predicate: TypeAlias = Callable[[bytes | None], bool]
"""Whether a value meets a condition; None is a value that the request does not have."""


def predicate(condition: Condition) -> Predicate:
    """*condition* made ready to be asked. A value matcher on an absent value is false."""
    holds = _positive(condition)
    if condition.negate:
        return lambda value: not holds(value)
    return holds


def compile_regex(pattern: str, *, ignore_case: bool = False) -> Callable[[bytes], object]:
    """RE2 full match over bytes, as Envoy's ``safe_regex``. Raises re2.error.

    Envoy 1.40 runs RE2 on bytes: ``.`` is any byte but a line feed, and a letter that UTF-8 writes
    with two bytes is two characters.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.never_capture = True  # nobody asks for groups, and finding them costs time
    options.case_sensitive = not ignore_case
    full_match: Callable[[bytes], object] = re2.compile(pattern.encode(), options).fullmatch
    return full_match


def fold(value: bytes) -> bytes:
    """ASCII letters in lower case; every other byte as it is."""
    return value.lower()


def _positive(condition: Condition) -> Predicate:
    kind = condition.kind
    if kind is Kind.PRESENT:
        return lambda value: value is not None
    if kind is Kind.CIDR:
        return _inside(condition.values)
    if kind is Kind.REGEX:
        full_match = compile_regex(condition.values[0], ignore_case=condition.ignore_case)
        return lambda value: value is not None and full_match(value) is not None
    texts = tuple(text.encode() for text in condition.values)
    if not condition.ignore_case:
        return _compare(kind, texts)
    folded = _compare(kind, tuple(fold(text) for text in texts))
    return lambda value: value is not None and folded(fold(value))


def _compare(kind: Kind, texts: tuple[bytes, ...]) -> Predicate:
    first = texts[0]
    match kind:
        case Kind.EXACT:
            return lambda value: value == first
        case Kind.PREFIX:
            return lambda value: value is not None and value.startswith(first)
        case Kind.SUFFIX:
            return lambda value: value is not None and value.endswith(first)
        case Kind.CONTAINS:
            return lambda value: value is not None and first in value
        case _:
            members = frozenset(texts)
            return lambda value: value in members


def _inside(blocks: tuple[str, ...]) -> Predicate:
    networks = tuple(ip_network(block, strict=False) for block in blocks)

    def inside(value: bytes | None) -> bool:
        if value is None:
            return False
        try:
            address = ip_address(value.decode("latin-1"))
        except ValueError:  # a Unix socket's peer has no address
            return False
        return any(address in network for network in networks)

    return inside
