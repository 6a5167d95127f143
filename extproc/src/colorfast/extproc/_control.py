"""What the parent and a worker tell each other: lines of JSON over a socket pair.

The parent's first line is an ``Order``, the others are commands. A worker answers with ``Ready`` or
``Failed``, then with a ``Report`` a second, and one for each command ``report``. The end of the
socket is the end of whoever held the other one: a worker without a parent ends.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, TypeAlias

from colorfast.extproc._settings import Settings
from colorfast.extproc._sums import Families, Family
from colorfast.extproc._tls import Tls
from colorfast.policy import ColorfastError, Diagnostic, InvalidInput

MAX_LINE: Final = 64 << 20
"""Bytes of the longest line: a policy file of 1 MiB, its findings, and all metrics."""

Verb: TypeAlias = Literal["report", "reload", "drain", "hurry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker is to do. *policy* is what to serve instead of a file that is broken now."""

    worker: int
    settings: Settings
    policy: str | None

    def line(self) -> bytes:
        """The order as a line."""
        return _line(asdict(self))

    @staticmethod
    def parse(line: bytes) -> "Order":
        """The order that ``line`` wrote."""
        data = json.loads(line)
        settings = data["settings"]
        if settings["tls"] is not None:
            ids = tuple(settings["tls"].pop("spiffe_ids"))
            settings["tls"] = Tls(**settings["tls"], spiffe_ids=ids)
        return Order(worker=data["worker"], settings=Settings(**settings), policy=data["policy"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something to do for a worker that runs; *number* comes back in the report."""

    verb: Verb
    number: int = 0

    def line(self) -> bytes:
        """The command as a line."""
        return _line(asdict(self))

    @staticmethod
    def parse(line: bytes) -> "Command":
        """The command that ``line`` wrote."""
        return Command(**json.loads(line))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The worker serves at *address*."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The worker cannot serve."""

    error: ColorfastError


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How the worker does. *shown* is what ``/policy`` shows; *policy* is news, or None."""

    number: int = 0
    shown: Mapping[str, Any]
    metrics: Families
    policy: str | None = None


Message: TypeAlias = Ready | Failed | Report


def write(message: Message) -> bytes:
    """*message* of a worker as a line."""
    match message:
        case Ready(address=address):
            return _line({"ready": address})
        case Failed(error=error):
            return _line({"failed": _error_as_json(error)})
        case Report():
            metrics = [family.as_json() for family in message.metrics]
            data = {name.name: getattr(message, name.name) for name in fields(message)}
            return _line({"report": data | {"metrics": metrics}})


def parse(line: bytes) -> Message:
    """The message that ``write`` wrote. Raises ValueError or KeyError for anything else."""
    data = json.loads(line)
    if "ready" in data:
        return Ready(address=data["ready"])
    if "failed" in data:
        return Failed(error=_error_of_json(data["failed"]))
    report = data["report"]
    metrics = tuple(Family.of_json(family) for family in report.pop("metrics"))
    return Report(**report, metrics=metrics)


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def _error_as_json(error: ColorfastError) -> dict[str, Any]:
    found = error.diagnostics if isinstance(error, InvalidInput) else ()
    diagnostics = [asdict(diagnostic) for diagnostic in found]
    plain = {"code": error.code, "what": error.what, "why": error.why, "fix": error.fix}
    return plain | {"diagnostics": diagnostics}


def _error_of_json(data: dict[str, Any]) -> ColorfastError:
    if diagnostics := data.pop("diagnostics"):
        return InvalidInput(tuple(Diagnostic(**diagnostic) for diagnostic in diagnostics))
    return ColorfastError(data.pop("code"), data.pop("what"), **data)
