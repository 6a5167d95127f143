"""What the path of one request says: the versions that it met, and whether it may meet them."""

from collections.abc import Iterator
from typing import TypeAlias

from colorfast.policy import Mesh
from colorfast.release import Release

Hop: TypeAlias = tuple[str, str]
"""A service, and the version of it that answered."""

Path: TypeAlias = tuple[Hop, ...]
"""The hops of a request, in the order of its calls."""


def is_new(release: Release, hop: Hop) -> bool | None:
    """Whether *hop* is a new version; None where the release changes nothing."""
    name, version = hop
    change = release.change(name)
    return None if change is None else version == change.new


def begins_new(release: Release, path: Path) -> bool:
    """Whether the first service of the release on *path* answered with its new version."""
    met = (is_new(release, hop) for hop in path)
    return next((new for new in met if new is not None), False)


def is_mixed(release: Release, path: Path) -> bool:
    """Whether *path* has a new version and an old one."""
    return {True, False} <= {is_new(release, hop) for hop in path}


def has_escaped(release: Release, path: Path) -> bool:
    """Whether *path* has what its release promises never to happen.

    Versions that belong together are mixed, or in an ordered release a new version calls an old
    one. A single service may answer as it likes.
    """
    if release.pattern == "locked":
        return is_mixed(release, path)
    return release.pattern == "ordered" and any(_backward(release, path))


def _backward(release: Release, path: Path) -> Iterator[bool]:
    for caller, called in calls(release.mesh, path):
        yield is_new(release, caller) is True and is_new(release, called) is False


def calls(mesh: Mesh, path: Path) -> Iterator[tuple[Hop, Hop]]:
    """Caller and called of each call: a service makes all of its calls, one after the other."""
    hops = iter(path)

    def made_by(caller: Hop) -> Iterator[tuple[Hop, Hop]]:
        for _ in mesh.service(caller[0]).calls:
            called = next(hops)
            yield caller, called
            yield from made_by(called)

    for first in hops:
        yield from made_by(first)


def shown(path: Path) -> str:
    """*path* for people, as ``verify`` shows it."""
    return " -> ".join(f"{name}({version})" if version else name for name, version in path)
