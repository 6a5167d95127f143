"""The policy file while it is served: what to do when its content changes.

The core is ``judge``: content in, next state and verdict out. A file that is broken, or gone,
changes nothing but what is known about it: the last good policy goes on.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from colorfast.policy import Diagnostic, Engine, InvalidInput, Loaded, load_policy


class Verdict(StrEnum):
    """What became of a look at the file."""

    UNCHANGED = "unchanged"
    ACCEPTED = "success"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the file as it is now is not served. *at* is a Unix time."""

    at: float
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """What is served, and what is known of the file. *loaded_at* is a Unix time."""

    file: str
    engine: Engine
    warnings: tuple[Diagnostic, ...]
    loaded_at: float
    seen: bytes | None
    """The content that was judged last, good or not; None when the file could not be read."""
    refusal: Refusal | None = None


def first(file: str, content: bytes, now: float) -> PolicyState:
    """The state to start with. Raises InvalidInput."""
    loaded = _load(file, content)
    return PolicyState(
        file=file,
        engine=Engine(loaded.policy),
        warnings=loaded.diagnostics,
        loaded_at=now,
        seen=content,
    )


def judge(
    state: PolicyState, content: bytes | OSError, now: float, *, again: bool = False
) -> tuple[PolicyState, Verdict]:
    """The state after the file was read with *content*, or could not be. Never raises.

    The same content as before is not judged anew, so a fault is told once; *again* does.
    """
    if isinstance(content, OSError):
        if state.seen is None and not again:
            return state, Verdict.UNCHANGED
        refusal = Refusal(at=now, diagnostics=(unreadable(state.file, content),))
        return replace(state, seen=None, refusal=refusal), Verdict.UNREADABLE
    if content == state.seen and not again:
        return state, Verdict.UNCHANGED
    try:
        return first(state.file, content, now), Verdict.ACCEPTED
    except InvalidInput as error:
        refusal = Refusal(at=now, diagnostics=error.diagnostics)
        return replace(state, seen=content, refusal=refusal), Verdict.REFUSED


def unreadable(file: str, error: OSError) -> Diagnostic:
    """The finding that *file* cannot be read."""
    why = error.strerror or str(error)
    return Diagnostic(code="CF110", file=file, what="the file cannot be read", why=why)


def _load(file: str, content: bytes) -> Loaded:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise InvalidInput((Diagnostic(code="CF101", file=file, what=what),)) from None
    return load_policy(text, file=file)
