"""Which event loop serves."""

import asyncio
from collections.abc import Callable
from importlib.util import find_spec


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """For ``asyncio.Runner``: uvloop's where it is installed, else None, the default."""
    if find_spec("uvloop") is None:  # it is not made for every platform
        return None
    import uvloop  # noqa: PLC0415

    return uvloop.new_event_loop
