"""The lane in a message's headers: pairs (Kafka) and mappings (AMQP, Celery), in and out."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

from opentelemetry.propagators.textmap import Setter

from colorfast.propagator._propagator import LanePropagator

Pairs: TypeAlias = Iterable[tuple[str, Any]]


class _Append(Setter[list[tuple[str, bytes]]]):
    def set(self, carrier: list[tuple[str, bytes]], key: str, value: str) -> None:
        """Add one entry; the propagator has removed what was there."""
        carrier.append((key, value.encode()))


_APPEND = _Append()


def pairs_to_send(forwarded: Pairs | None) -> list[tuple[str, bytes]]:
    """*forwarded* with the current lane instead of any other; as it is without a current lane."""
    carrier = list(forwarded or ())
    _propagator().inject(carrier, setter=_APPEND)
    return carrier


def mapping_to_send(forwarded: Mapping[str, Any] | None) -> dict[str, Any]:
    """*forwarded* with the current lane instead of any other; as it is without a current lane."""
    carrier = dict(forwarded or {})
    write_mapping(carrier)
    return carrier


def write_mapping(carrier: dict[str, Any]) -> None:
    """Put the current lane into *carrier* instead of any other."""
    _propagator().inject(carrier)


def headers_of(message: Any) -> Any:
    """The headers of *message*: its attribute, or what its method says (confluent-kafka's)."""
    headers = message.headers
    if callable(headers):
        headers = headers()
    return headers or ()


@cache
def _propagator() -> LanePropagator:
    return LanePropagator()
