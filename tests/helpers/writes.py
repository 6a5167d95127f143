"""What a request looks like after a decision: how a backend is compared with the reference."""

from collections.abc import Iterable

from colorfast.policy import Lines, Outcome


def by_name(lines: Iterable[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    """The values of each name, in order."""
    found: dict[str, list[bytes]] = {}
    for name, value in lines:
        found.setdefault(name, []).append(value)
    return found


def after(outcome: Outcome, lines: Lines) -> dict[str, list[bytes]]:
    """The values of each name that the next hop gets of *lines*."""
    touched = {*outcome.removes, *(name for name, _ in outcome.sets)}
    return by_name((*(line for line in lines if line[0] not in touched), *outcome.sets))


def with_port(ip: str) -> str:
    """As Envoy writes the address of a client."""
    return f"[{ip}]:443" if ":" in ip else f"{ip}:443" if ip else ""
