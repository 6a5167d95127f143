"""Putting the guard where requests leave, and taking it away again."""

import logging
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from colorfast.propagator._log import once
from colorfast.propagator._settings import settings
from colorfast.propagator.guard._guard import Guard
from colorfast.propagator.guard._hosts import Hosts

PLACES = (
    ("http.client", "colorfast.propagator.guard._http", "http_client"),
    ("urllib3", "colorfast.propagator.guard._http", "urllib3"),
    ("httpcore", "colorfast.propagator.guard._httpcore", "httpcore"),
    ("aiohttp", "colorfast.propagator.guard._aiohttp", "aiohttp"),
    ("grpc", "colorfast.propagator.guard._grpc", "grpc"),
)
"""The library that must be there; the module and the function that say what is replaced."""


class Place(NamedTuple):
    """An attribute that sends, and what stands in for it."""

    owner: Any
    name: str
    wrap: Callable[[Any], Any]


class _Patch(NamedTuple):
    owner: Any
    name: str
    original: Any
    ours: Any


_patches: list[_Patch] = []


def install(hosts: Iterable[str] | None = None) -> None:
    """From now on the lane goes to *hosts* only, by default those of ``COLORFAST_HOSTS``.

    Patterns are those of :class:`Hosts`. Replaces what an earlier call has set. gRPC channels that
    exist already are not guarded. A library that cannot be guarded is logged, never raised.
    """
    uninstall()
    guard = Guard(Hosts(settings().hosts if hosts is None else hosts), settings())
    for place in _places(guard):
        original = getattr(place.owner, place.name)
        ours = place.wrap(original)
        setattr(place.owner, place.name, ours)
        _patches.append(_Patch(place.owner, place.name, original, ours))


def uninstall() -> None:
    """Put back what was there before; nothing where nothing is installed."""
    while _patches:
        patch = _patches.pop()
        # Who has wrapped ours since then keeps working, and keeps the guard.
        if vars(patch.owner).get(patch.name) is patch.ours:
            setattr(patch.owner, patch.name, patch.original)


def _places(guard: Guard) -> Iterator[Place]:
    for library, module, function in PLACES:
        try:
            if find_spec(library) is not None:
                yield from getattr(import_module(module), function)(guard)
        except Exception:  # noqa: BLE001 (a library of another shape must not end the application)
            once(logging.ERROR, "CF705", f"the guard cannot watch {library}", error=True)
