"""Where a policy comes from: what a source hands over, and what it is told of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from colorfast.policy import Diagnostic


class Verdict(StrEnum):
    """What became of a look at the source."""

    UNCHANGED = "unchanged"
    ACCEPTED = "success"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Why there is no content. *verdict* is UNREADABLE or GONE."""

    verdict: Verdict
    finding: Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a source held at one moment.

    *generation* is an object's own count of its changes; a file has none. The same content as
    before is not judged anew, unless somebody has asked for it to be read *again*.
    """

    content: bytes | Unavailable
    generation: int | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of a reading. *digest* is that of the policy, when it was accepted."""

    generation: int | None
    digest: str | None
    findings: tuple[Diagnostic, ...]


Look: TypeAlias = Callable[[Reading], Awaitable[None]]
"""Judges a reading, and serves it when it is good; never raises."""


def no_tells() -> dict[str, int]:
    """``PolicySource.tells`` of a source that was told nothing."""
    return {"written": 0, "conflict": 0, "failed": 0}


class PolicySource(Protocol):
    """A file, or an object of a cluster."""

    @property
    def name(self) -> str:
        """What findings and ``/policy`` call it."""
        ...

    @property
    def by_path(self) -> bool:
        """Whether findings name keys, because there are no lines that anybody has seen."""
        ...

    @property
    def tells(self) -> Mapping[str, int]:
        """How often ``tell`` was to write something down, by what became of it."""
        ...

    async def first(self) -> Reading:
        """What it holds; waits for it, within a bound, where that makes sense. Never raises."""
        ...

    async def run(self, look: Look) -> None:
        """Hand over every change until cancelled. Never raises."""
        ...

    def reload(self) -> None:
        """Look at once, even if nothing seems to have changed."""
        ...

    async def tell(self, judged: Judged) -> None:
        """Write down at the source what became of what it held, where it has a place for that.

        Never raises. Whoever calls it may cancel it.
        """
        ...
