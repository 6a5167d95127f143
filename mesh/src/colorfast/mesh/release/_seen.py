"""What the answers say of each scene: shares, escapes, errors, users who went back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colorfast.mesh.release._load import Answer
from colorfast.mesh.release._paths import has_escaped, is_mixed, is_new
from colorfast.mesh.release._scenes import Scene
from colorfast.mesh.release._shares import Share, places, share
from colorfast.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One scene of a release, as users had it."""

    scene: Scene
    shares: tuple[Share, ...]
    """One a place, of the requests that began after the scene's change."""
    requests: int
    mixed: int
    """Requests that met both versions."""
    escapes: int
    """Those that the release promises never to happen."""
    errors: int
    back: int
    """Requests of users who had the new version of a service before, and got the old one."""


def seen(release: Release, scene: Scene, answers: Sequence[Answer]) -> Seen:
    """*scene*, out of the *answers* to all requests up to its end."""
    own = [one for one in answers if one.scene == scene.number]
    settled = [one for one in own if one.settled and not one.error]
    return Seen(
        scene=scene,
        shares=tuple(share(release, scene.now, place, settled) for place in places(release)),
        requests=len(own),
        mixed=sum(is_mixed(release, one.path) for one in own),
        escapes=sum(has_escaped(release, one.path) for one in own),
        errors=sum(bool(one.error) for one in own),
        back=sum(one.scene == scene.number for one, _ in went_back(release, answers)),
    )


def went_back(release: Release, answers: Sequence[Answer]) -> Iterator[tuple[Answer, list[str]]]:
    """Answers with a service's old version to who had its new one before he asked; the services."""
    since: dict[tuple[int, str], float] = {}
    for one in answers:
        for name in _services(release, one, new=True):
            key = one.user, name
            since[key] = min(since.get(key, one.ended), one.ended)
    for one in answers:
        old = _services(release, one, new=False)
        lost = [name for name in old if one.began > since.get((one.user, name), float("inf"))]
        if lost:
            yield one, lost


def _services(release: Release, answer: Answer, *, new: bool) -> list[str]:
    return [hop[0] for hop in answer.path if is_new(release, hop) is new]
