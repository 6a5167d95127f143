"""What carriers hold, whatever type they and their getters are of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from colorfast.propagator._log import carrier_failed


def text_of(found: object, carrier: Any, name: str) -> str:
    """What a getter *found* under *name*: all lines, joined by commas; no text for what is none."""
    if isinstance(found, str):
        return found
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


def gathered(headers: Any, names: Iterable[str]) -> dict[str, list[Any]]:
    """The values of each of *names* (lower case) in a mapping or in pairs, whatever their case.

    Never raises: what is neither has none.
    """
    found: dict[str, list[Any]] = {name: [] for name in names}
    try:
        for name, value in headers.items() if isinstance(headers, Mapping) else headers:
            values = found.get(as_text(name).lower())
            if values is not None:
                values.append(value)
    except Exception:  # noqa: BLE001 (iterating what applications give can raise anything)
        carrier_failed(f"a {type(headers).__name__} is not headers")
    return found


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
