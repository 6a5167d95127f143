"""Which messages get the same answer, so that it is made once.

A *sorter* gives a message a key: messages with the same key have the same answer, but for baggage
of others that it repeats, and which comes with the key. An empty key: not known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from colorfast.core import Core, CoreError
from colorfast.extproc._stream import Station
from colorfast.policy import Policy

MAX_SAME: Final = 2048
"""Bytes of the longest message that is its own key: longer ones hardly ever repeat."""

Sort: TypeAlias = Callable[[bytes], tuple[bytes, bytes]]
"""The key of a message, and what its answer writes to ``baggage`` when that repeats baggage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorter:
    """How the messages of one station of one policy are sorted."""

    sort: Sort
    core: Core | None = None
    """The native core, if it is what sorts."""
    why_not: str = ""
    """Why it is not."""

    @property
    def name(self) -> str:
        """``native``, or ``python`` and why."""
        return "native" if self.core is not None else f"python: {self.why_not}"

    def without_core(self, why: str) -> "Sorter":
        """One that knows the very same messages only."""
        return Sorter(sort=_as_it_is, why_not=why)


def sorter(policy: Policy, station: Station, *, native: bool = True) -> Sorter:
    """The best sorter that there is. May take a while: tables of regexes are made."""
    if station == "dye" and policy.draws:
        return Sorter(sort=_never, why_not="the policy draws lanes at random")
    if not native:
        return Sorter(sort=_as_it_is, why_not="it was not asked for")
    try:
        core = Core(policy, station)
    except CoreError as error:
        return Sorter(sort=_as_it_is, why_not=str(error))
    return Sorter(sort=core.sort, core=core)


def _as_it_is(message: bytes) -> tuple[bytes, bytes]:
    """The same bytes have the same answer."""
    return (message if len(message) <= MAX_SAME else b""), b""


def _never(_: bytes) -> tuple[bytes, bytes]:
    return b"", b""
