"""Conditions as questions about a request: what is asked for every request and every rule.

``predicate`` and ``reader`` say what a condition means. A question is the two in one function, for
on the hot path a call costs as much as the comparison. Where nothing shorter is written here, it
calls them.
"""

from collections.abc import Callable
from typing import TypeAlias

from colorfast.policy._ir import Condition, Kind, Source
from colorfast.policy._match import predicate
from colorfast.policy._request import Request, reader

Question: TypeAlias = Callable[[Request], bool]


def question(condition: Condition) -> Question:
    """*condition* made ready to be asked of requests."""
    plain = not (condition.negate or condition.ignore_case)
    if plain and condition.attribute.source is Source.HEADER and condition.kind in _OF_HEADERS:
        text = condition.values[0].encode()
        if text:  # an absent header does not even begin with nothing
            return _OF_HEADERS[condition.kind](condition.attribute.name, text)
    read, holds = reader(condition.attribute), predicate(condition)
    return lambda request: holds(read(request))


def _exact(name: str, text: bytes) -> Question:
    return lambda request: request.headers.get(name) == text


def _prefix(name: str, text: bytes) -> Question:
    return lambda request: request.headers.get(name, b"").startswith(text)


def _suffix(name: str, text: bytes) -> Question:
    return lambda request: request.headers.get(name, b"").endswith(text)


def _contains(name: str, text: bytes) -> Question:
    return lambda request: text in request.headers.get(name, b"")


_OF_HEADERS: dict[Kind, Callable[[str, bytes], Question]] = {
    Kind.EXACT: _exact,
    Kind.PREFIX: _prefix,
    Kind.SUFFIX: _suffix,
    Kind.CONTAINS: _contains,
}
