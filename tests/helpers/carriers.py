"""Carriers, getters and setters such as instrumentations have."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.propagators.textmap import Getter, Setter


class Answers(Getter[Any]):
    """A getter that answers from a mapping, whatever the carrier, and knows no keys."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def get(self, carrier: Any, key: str) -> Any:
        return self._answers.get(key)

    def keys(self, carrier: Any) -> list[str]:
        raise AssertionError("nobody may ask: some instrumentations answer with nothing")


class Raises(Getter[Any], Setter[Any]):
    def __init__(self, what: str = "as asked") -> None:
        self._what = what

    def get(self, carrier: Any, key: str) -> Any:
        raise RuntimeError(self._what)

    def set(self, carrier: Any, key: str, value: str) -> None:
        raise RuntimeError(self._what)

    def keys(self, carrier: Any) -> list[str]:
        raise RuntimeError


class Append(Setter[list[tuple[str, bytes]]]):
    """What Kafka instrumentations do with record headers."""

    def set(self, carrier: list[tuple[str, bytes]], key: str, value: str) -> None:
        carrier.append((key, value.encode()))


class Wrapped(Setter[dict[str, Any]]):
    """What the instrumentation of SQS does with message attributes."""

    def set(self, carrier: dict[str, Any], key: str, value: str) -> None:
        carrier[key] = {"StringValue": value, "DataType": "String"}


class Noting(Setter[Any]):
    """Notes the names that are set."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def set(self, carrier: Any, key: str, value: str) -> None:
        self.names.append(key)
