"""The policy while it is served: what to do when its source holds another one.

The core is ``judge``: a reading in, next state and verdict out. A policy that is broken, or gone,
changes nothing but what is known about it: the last good one goes on.
"""

from dataclasses import dataclass, replace

from colorfast.extproc._source import Judged, Reading, Unavailable, Verdict
from colorfast.policy import Diagnostic, Engine, InvalidInput, Loaded, load_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why what the source holds now is not served. *at* is a Unix time."""

    at: float
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyState:
    """What is served, and what is known of its source. *loaded_at* is a Unix time."""

    source: str
    """The source's name."""
    by_path: bool
    engine: Engine
    warnings: tuple[Diagnostic, ...]
    loaded_at: float
    seen: bytes | None
    """The content that was judged last, good or not; None when there was none."""
    generation: int | None = None
    """Of what is served."""
    refusal: Refusal | None = None


def first(source: str, reading: Reading, now: float, *, by_path: bool = False) -> PolicyState:
    """The state to start with. Raises InvalidInput, when there is no content too."""
    if isinstance(reading.content, Unavailable):
        raise InvalidInput((reading.content.finding,))
    loaded = _load(source, reading.content, by_path=by_path)
    return PolicyState(
        source=source,
        by_path=by_path,
        engine=Engine(loaded.policy),
        warnings=loaded.diagnostics,
        loaded_at=now,
        seen=reading.content,
        generation=reading.generation,
    )


def judge(state: PolicyState, reading: Reading, now: float) -> tuple[PolicyState, Verdict]:
    """The state after *reading*. Never raises.

    The same content as before is not judged anew, so a fault is told once.
    """
    content = reading.content
    if isinstance(content, Unavailable):
        if _known(state, content) and not reading.again:
            return state, Verdict.UNCHANGED
        return refused(state, reading, (content.finding,), now), content.verdict
    if content == state.seen and not reading.again:
        # Who was started with what the others serve learns which one it is.
        served = state if state.refusal else replace(state, generation=reading.generation)
        return served, Verdict.UNCHANGED
    try:
        return first(state.source, reading, now, by_path=state.by_path), Verdict.ACCEPTED
    except InvalidInput as error:
        return refused(state, reading, error.diagnostics, now), Verdict.REFUSED


def refused(
    state: PolicyState, reading: Reading, findings: tuple[Diagnostic, ...], now: float
) -> PolicyState:
    """*state* with the knowledge that *reading* is not served, for *findings*."""
    seen = None if isinstance(reading.content, Unavailable) else reading.content
    return replace(state, seen=seen, refusal=Refusal(at=now, diagnostics=findings))


def judged(state: PolicyState, generation: int | None) -> Judged:
    """What *state* says of the reading of *generation* that led to it."""
    if state.refusal is not None:
        return Judged(generation=generation, digest=None, findings=state.refusal.diagnostics)
    digest = state.engine.policy.digest
    return Judged(generation=generation, digest=digest, findings=state.warnings)


def _known(state: PolicyState, content: Unavailable) -> bool:
    """Whether *state* says already that there is no content, for that reason."""
    reasons = () if state.refusal is None else state.refusal.diagnostics
    return state.seen is None and [one.code for one in reasons] == [content.finding.code]


def _load(source: str, content: bytes, *, by_path: bool) -> Loaded:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise InvalidInput((Diagnostic(code="CF101", file=source, what=what),)) from None
    return load_policy(text, file=source, by_path=by_path)
