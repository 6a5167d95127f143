"""What carriers hold, whatever type they and their getters are of."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.propagators.textmap import Getter


def text_in(carrier: Any, name: str, getter: Getter[Any]) -> str:
    """All lines of *name* in *carrier*, joined by commas; what is not text is left out."""
    found = getter.get(carrier, name)
    if not found:
        return ""
    if type(found) is list and len(found) == 1 and type(found[0]) is str:
        return found[0]
    return _joined(carrier, name, found)


def _joined(carrier: Any, name: str, found: object) -> str:
    if not isinstance(found, (list, tuple)):
        return as_text(found)
    if found and isinstance(found[0], int):
        # OpenTelemetry's default getter takes bytes for a list of numbers.
        return as_text(carrier.get(name)) if isinstance(carrier, Mapping) else ""
    return ",".join(map(as_text, found))


def as_text(value: object) -> str:
    """Text, or bytes that are ASCII, as text; the empty text for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)) and value.isascii():
        return value.decode("ascii")
    return ""


def existing(carrier: Any, name: str) -> str | None:
    """What *carrier* has under *name* (lower case) before anything is written; empty for nothing.

    The newest entry of a list, for setters append to those; all lines of a mapping, and of a dict
    whatever the case of its keys. None: there is something, and only its setter knows how it reads.
    """
    if isinstance(carrier, list):
        lines = [item[1] for item in carrier if _named(item, name)]
        return _readable(lines[-1:])
    if isinstance(carrier, dict):
        return _readable([carrier[key] for key in carrier if as_text(key).lower() == name])
    found = carrier.get(name) if hasattr(carrier, "get") else None
    if found is None:
        return ""
    # What multidict, gRPC and httpx call it.
    for every in ("getall", "get_all", "get_list"):
        if hasattr(carrier, every):
            return _readable(getattr(carrier, every)(name))
    return _readable([found])


def _readable(lines: Sequence[object]) -> str | None:
    if all(isinstance(line, (str, bytes)) for line in lines):
        return ",".join(map(as_text, lines))
    return None


def clear(carrier: Any, name: str) -> None:
    """Make room for one entry *name* (lower case), where a setter would add a second one.

    That is in lists, to which setters append and whose first entry readers take, and in plain
    dicts that have the name in another case.
    """
    if isinstance(carrier, list):
        carrier[:] = [item for item in carrier if not _named(item, name)]
    elif isinstance(carrier, dict) and carrier:
        others = [key for key in carrier if key != name and as_text(key).lower() == name]
        for key in others:
            del carrier[key]


def _named(item: object, name: str) -> bool:
    return isinstance(item, (list, tuple)) and len(item) > 1 and as_text(item[0]).lower() == name
