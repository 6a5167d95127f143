"""What the environment says about lanes, read once."""

import logging
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar, cast

from colorfast.lane import TOKEN, LaneSet, is_lane_name
from colorfast.propagator._log import once

T = TypeVar("T")

Baggage: TypeAlias = Literal["forward", "member", "off"]

MOST_KNOWN = 1024
"""How many lane names are remembered as valid; a client can invent more, but not cost memory."""

_TAKEN = frozenset({
    "authorization", "b3", "baggage", "connection", "content-length", "content-type", "cookie",
    "host", "te", "traceparent", "tracestate", "transfer-encoding", "upgrade", "user-agent",
})  # fmt: skip


class Lanes:
    """Which values are lanes: every legal name, or those that *only* has."""

    __slots__ = ("_known", "_only")

    def __init__(self, only: LaneSet | None = None) -> None:
        self._only = only
        self._known: set[str] = set()

    def admit(self, value: str) -> str | None:
        """*value* when it names a lane, else None. Never raises, whatever the text."""
        if value in self._known:
            return value
        if not is_lane_name(value) or not (self._only is None or value in self._only):
            return None
        if len(self._known) < MOST_KNOWN:
            self._known.add(value)
        return value


class Settings(NamedTuple):
    """How one service carries lanes. Every field has the same meaning as in a LanePolicy."""

    header: str = "x-lane"
    """The lane header, in lower case."""
    member: str = "lane"
    """The key of the baggage member."""
    lanes: Lanes = Lanes()
    """The lanes that are taken from requests and messages."""
    baggage: Baggage = "forward"
    """What is written to ``baggage``: the member and the others' members, the member, nothing."""
    hosts: tuple[str, ...] = ("*",)
    """Where the lane may go: names, ``*.suffix``, ``*``, and the preset ``mesh``."""
    auto: bool = True
    """Whether ``opentelemetry-instrument`` installs the propagator and the egress guard."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in *environ*. What cannot be used is logged once; never raises."""
        return cls(
            header=_read(environ, "COLORFAST_HEADER", _header, "x-lane"),
            member=_read(environ, "COLORFAST_MEMBER", _member, "lane"),
            lanes=_read(environ, "COLORFAST_LANES", _lanes, Lanes()),
            baggage=_read(environ, "COLORFAST_BAGGAGE", _baggage, "forward"),
            hosts=_hosts(environ.get("COLORFAST_HOSTS", "*")),
            auto=_read(environ, "COLORFAST_AUTO", _switch, default=True),
        )


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings.of(os.environ)


def _read(environ: Mapping[str, str], name: str, parse: Callable[[str], T], default: T) -> T:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        once(logging.WARNING, "CF702", f"{name} is not used, its default is: {error}")
        return default


def _token(text: str) -> str:
    if not re.fullmatch(TOKEN, text):
        raise ValueError(f"{text!r} is not a token (RFC 9110 section 5.6.2)")
    return text


def _header(text: str) -> str:
    name = _token(text).lower()
    if name in _TAKEN:
        raise ValueError(f"{name} means something else already")
    return name


_member: Final = _token


def _lanes(text: str) -> Lanes:
    return Lanes(LaneSet(tuple(part.strip() for part in text.split(",") if part.strip())))


def _baggage(text: str) -> Baggage:
    if text not in ("forward", "member", "off"):
        raise ValueError(f"{text!r} is none of forward, member, off")
    return cast("Baggage", text)


def _switch(text: str) -> bool:
    if text.lower() not in ("on", "off"):
        raise ValueError(f"{text!r} is neither on nor off")
    return text.lower() == "on"


_HOST = r"mesh|\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?|[0-9a-f:.]*:[0-9a-f:.]*"


def _hosts(text: str) -> tuple[str, ...]:
    """The patterns of *text*. Who restricts hosts and errs must not get every host instead."""
    wanted = tuple(part.strip().lower().strip("[]") for part in text.split(",") if part.strip())
    usable = tuple(part for part in wanted if re.fullmatch(_HOST, part))
    for part in sorted(set(wanted) - set(usable)):
        once(logging.WARNING, "CF702", f"COLORFAST_HOSTS: {part!r} is no host pattern")
    if wanted and not usable:
        return ("mesh",)
    return usable or ("*",)
