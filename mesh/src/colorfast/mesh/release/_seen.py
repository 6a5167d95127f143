"""What the answers say of each step: shares, escapes, errors, users who went back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from colorfast.mesh.release._load import Answer, Path
from colorfast.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One step of a release, as users had it."""

    number: int
    title: str
    asked: int
    """The share that the new versions should have, in parts of 10,000."""
    requests: int
    share: float
    """Of the requests that began after the step's change, those with the new entrance."""
    escapes: int
    """Requests that met both versions."""
    errors: int
    back: int
    """Requests of users who had the new version of a service before, and got the old one."""


def is_new(release: Release, path: Path) -> bool:
    """Whether the first service of the release on *path* answered with its new version."""
    made = {change.name: change.new for change in release.changes}
    return next((made[name] == version for name, version in path if name in made), False)


def escaped(release: Release, path: Path) -> bool:
    """Whether *path* has a new version and an old one."""
    made = {change.name: change.new for change in release.changes}
    return len({made[name] == version for name, version in path if name in made}) > 1


def seen(release: Release, number: int, title: str, asked: int, answers: Sequence[Answer]) -> Seen:
    """Step *number*, out of the *answers* to all requests up to its end."""
    own = [one for one in answers if one.step == number]
    settled = [one for one in own if one.settled and not one.error]
    new = sum(is_new(release, one.path) for one in settled)
    return Seen(
        number=number,
        title=title,
        asked=asked,
        requests=len(own),
        share=new / len(settled) if settled else 0.0,
        escapes=sum(escaped(release, one.path) for one in own),
        errors=sum(bool(one.error) for one in own),
        back=sum(one.step == number for one in _back(release, answers)),
    )


def _back(release: Release, answers: Iterable[Answer]) -> Iterator[Answer]:
    """Answers with a service's old version to who had its new one before he asked."""
    good = [one for one in answers if not one.error]
    made = {change.name: change.new for change in release.changes}
    since: dict[tuple[int, str], float] = {}
    for one in good:
        for name, version in one.path:
            if made.get(name) == version:
                key = one.user, name
                since[key] = min(since.get(key, one.ended), one.ended)
    for one in good:
        old = [name for name, version in one.path if name in made and made[name] != version]
        if any(one.began > since.get((one.user, name), float("inf")) for name in old):
            yield one


_TITLE = 52
_COLUMNS = f"{'asked':>7} {'seen':>7} {'requests':>8} {'escapes':>7} {'errors':>6} {'back':>4}"
HEADING = f"step  {'':<{_TITLE}} {_COLUMNS}"


def row(one: Seen) -> str:
    """One line of the table."""
    title = one.title if len(one.title) <= _TITLE else one.title[: _TITLE - 1] + "…"
    asked, share = f"{one.asked / 100:g} %", f"{100 * one.share:.1f} %"
    return (
        f"{one.number:>4}  {title:<{_TITLE}} {asked:>7} {share:>7} {one.requests:>8} "
        f"{one.escapes:>7} {one.errors:>6} {one.back:>4}"
    )
