"""Logs on stderr, as text or as one JSON object a line."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, TypeAlias

LogFormat: TypeAlias = Literal["text", "json"]


class JsonFormatter(logging.Formatter):
    """One object a line: ``ts`` (RFC 3339, UTC), ``level``, ``logger``, ``msg``, ``error``.

    Lines of a worker have its number as ``worker``.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        """*record* as one line of JSON."""
        entry: dict[str, str | int] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        } | self._worker
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry)


@contextmanager
def logging_to_stderr(log_format: LogFormat, *, worker: int | None = None) -> Iterator[None]:
    """Send every logger's lines of level INFO and above to stderr, for as long as this lasts.

    *worker* is the number to put into each line, if there is one.
    """
    handler = logging.StreamHandler(sys.stderr)
    who = "" if worker is None else f"[{worker}]"
    text = logging.Formatter(f"%(asctime)s %(levelname)s %(name)s{who}: %(message)s")
    handler.setFormatter(JsonFormatter(worker) if log_format == "json" else text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
