"""Envoy configuration as plain data."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A message of Envoy's configuration in proto3 JSON form."""


def typed(message: str, **fields: Any) -> Json:
    """A ``google.protobuf.Any``: the full name of *message* and its *fields*."""
    return {"@type": f"type.googleapis.com/{message}", **fields}


def extension(name: str, message: str, **fields: Any) -> Json:
    """An ``envoy.config.core.v3.TypedExtensionConfig`` (an HTTP filter has the same form)."""
    return {"name": name, "typed_config": typed(message, **fields)}


def duration(seconds: float) -> str:
    """*seconds* as a ``google.protobuf.Duration``, to the millisecond."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
