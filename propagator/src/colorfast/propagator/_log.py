"""Saying a thing once: what goes wrong on every request would otherwise fill the log."""

import logging
import sys

_LOGGER = logging.getLogger("colorfast.propagator")

_MOST = 1024
"""How many different things are ever said; hosts and libraries are few, hostile input is not."""

_said: set[str] = set()


def once(level: int, code: str, what: str, *, error: bool = False) -> None:
    """Log *what* unless it was logged before. *error* adds the exception that is being handled."""
    if what in _said or len(_said) >= _MOST:
        return
    _said.add(what)
    _LOGGER.log(level, "%s: %s", code, what, exc_info=error)


def carrier_failed(what: str) -> None:
    """CF704 with the kind of the exception that is being handled.

    Its text may hold values of headers, so that and the traceback are for DEBUG only.
    """
    error = sys.exc_info()[1]
    told = f"{what}: {type(error).__name__}"
    once(logging.WARNING, "CF704", told, error=_LOGGER.isEnabledFor(logging.DEBUG))


def forget() -> None:
    """Let everything be said again; for tests."""
    _said.clear()
