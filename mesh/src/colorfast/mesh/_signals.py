"""Signals that end a program in good order: what it has started is stopped first."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

INTERRUPTED = 130
"""Exit status of a program that a signal has ended before it was done."""


@contextlib.contextmanager
def cancelled_by_signals(work: "asyncio.Future[Any]") -> Iterator[list[signal.Signals]]:
    """Cancel *work* on Ctrl-C, and when a terminal or an init wants us gone; yields what came."""
    came: list[signal.Signals] = []
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        came.append(number)
        work.cancel()

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        for number in wanted:
            loop.add_signal_handler(number, stop, number)
    except (RuntimeError, ValueError):  # not in the main thread: whoever runs us sees to it
        yield came
        return
    try:
        yield came
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)
