"""What ``verify`` predicts of a play, and whether that is what was seen.

``verify`` looks at every way that a release can go, and a play is one of them. A counterexample has
to be seen when a step of the play leaves behind what it takes and enough requests come by; others
are told, and need not be seen. What nobody has predicted must not be seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colorfast.mesh.release._load import Answer
from colorfast.mesh.release._paths import Path, has_escaped, shown
from colorfast.mesh.release._possible import FAILS, is_certain
from colorfast.mesh.release._scenes import Scene
from colorfast.mesh.release._seen import Seen, went_back
from colorfast.release import Release
from colorfast.release.verify import Counterexample, Verdict

_BY_CHANCE = "not looked for: this play could show it by chance at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A verdict, and what a play has shown of it."""

    verdict: Verdict
    play: Sequence[Scene]
    answers: Sequence[Answer]
    steps: Sequence[Seen]

    @property
    def is_as_predicted(self) -> bool:
        """Whether everything that had to be seen was, and nothing else."""
        wanted = (one for one in self._counterexamples if self._has_to_be_seen(one))
        return all(map(self._sighting, wanted)) and not any(self._surprises())

    def lines(self) -> Iterator[str]:
        """What was predicted beside what was seen; the last line has all of it."""
        for one in self._counterexamples:
            yield from self._told(one)
        yield from self._surprises()
        how = "as predicted" if self.is_as_predicted else "not as predicted"
        yield f"{how}: verify says {self._said()}; {self._counts()}"

    @property
    def _release(self) -> Release:
        return self.verdict.plan.release

    @property
    def _counterexamples(self) -> tuple[Counterexample, ...]:
        return self.verdict.counterexamples

    def _said(self) -> str:
        if self.verdict.safe:
            return "safe"
        *others, last = (one.invariant for one in self._counterexamples)
        return f"not safe ({', '.join(others)}{' and ' if others else ''}{last})"

    def _counts(self) -> str:
        escapes = sum(one.escapes for one in self.steps)
        errors = sum(one.errors for one in self.steps)
        number = len(self.answers)
        return f"seen: {number} requests, {escapes} escapes, {errors} errors, {self._back()} back"

    def _back(self) -> int:
        """Who lost a new version while shares rose: giving up takes it from everybody."""
        return sum(one.back for one in self.steps if not one.scene.is_back)

    # What has to be seen.

    def _has_to_be_seen(self, one: Counterexample) -> bool:
        return is_certain(self._release, self.play, self.answers, one)

    def _told(self, one: Counterexample) -> Iterator[str]:
        yield f"verify says ({one.invariant}): {one.what}"
        if one.path:
            yield f"  predicted  {' -> '.join(map(str, one.path))}"
        missing = "not" if self._has_to_be_seen(one) else _BY_CHANCE
        yield f"  seen       {self._sighting(one) or missing}"

    def _sighting(self, one: Counterexample) -> str:
        """What was seen of *one*; empty when nothing was."""
        if not one.path:
            return ""
        answers = list(self._meant(one))
        if one.invariant == "stickiness":
            backward = went_back(self._release, answers)
            found = [answer.path for answer, lost in backward if one.path[-1].service in lost]
        elif _fails(one):
            return _times([answer.error for answer in answers if answer.error])
        else:
            wanted = tuple((hop.service, hop.answer) for hop in one.path)
            escapes = (each.path for each in answers if has_escaped(self._release, each.path))
            found = [path for path in escapes if self._as_told(path)[: len(wanted)] == wanted]
        return _times([shown(self._as_told(path)) for path in found])

    def _meant(self, one: Counterexample) -> Iterator[Answer]:
        """Answers while the release was given up, if *one* is about that, or before."""
        back = one.invariant == "rollback"
        return (each for each in self.answers if self.play[each.scene].is_back is back)

    def _as_told(self, path: Path) -> Path:
        """*path* as ``verify`` tells it: a service outside of the release has no version."""
        return tuple(
            (name, version if self._release.change(name) else "") for name, version in path
        )

    # What must not be seen.

    def _surprises(self) -> Iterator[str]:
        """What nobody has predicted."""
        broken = {one.invariant for one in self._counterexamples}
        fails = any(map(_fails, self._counterexamples))
        mixes = bool(broken & {"lock", "compatibility"}) or ("rollback" in broken and not fails)
        goes_back = self._release.pattern != "locked" or "stickiness" in broken
        for one in self.steps:
            found = (
                (one.escapes, "escapes", mixes),
                (one.errors, "errors", fails),
                (one.back, "back", goes_back or one.scene.is_back),
            )
            for number, what, is_predicted in found:
                if number and not is_predicted:
                    yield f"step {one.scene.label}: {number} {what}, which nobody has predicted"
            yield from _unasked(one)


def _unasked(one: Seen) -> Iterator[str]:
    """Shares that are not what was asked for; who failed is of no version, so then none counts."""
    for share in one.shares:
        if not one.errors and not share.is_as_asked:
            yield (
                f"step {one.scene.label}: {share.asked / 100:g} % asked at {share.place}, "
                f"{100 * share.seen:.1f} % seen"
            )


def _fails(one: Counterexample) -> bool:
    return any(hop.answer == FAILS for hop in one.path)


def _times(found: list[str]) -> str:
    """The first of *found*, and how many there are."""
    if not found:
        return ""
    return f"{found[0]}, {len(found)} time{'s' if len(found) > 1 else ''}"
