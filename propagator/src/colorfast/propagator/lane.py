"""The lane of the code that runs: read it, set it, take it along, send it.

>>> from colorfast.propagator import lane
>>> with lane.use("canary"):
...     lane.current()
'canary'
>>> lane.current()

Contexts are OpenTelemetry's, so a lane goes wherever these go: into coroutines, tasks and
``asyncio.to_thread``. Threads and executors start without one; :func:`bind` gives it to them.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from contextvars import Token, copy_context
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, cast

from opentelemetry.context import Context, attach, detach, get_current

from colorfast.propagator._carriers import gathered
from colorfast.propagator._context import lane_of, with_lane, without_arrivals
from colorfast.propagator._errors import InvalidLane
from colorfast.propagator._propagator import own
from colorfast.propagator._settings import settings

if TYPE_CHECKING:
    from colorfast.propagator.messaging import should_consume

__all__ = [
    "Headers",
    "attached",
    "bind",
    "current",
    "extract",
    "from_headers",
    "headers",
    "should_consume",
    "use",
]

P = ParamSpec("P")
R = TypeVar("R")

Headers: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
"""Names and values of headers, text or bytes: a mapping, or pairs. Names in any case."""


def current(context: Context | None = None) -> str | None:
    """The lane of *context*, by default of the code that runs; None when it has none."""
    return lane_of(get_current() if context is None else context, settings())


def use(name: str | None) -> AbstractContextManager[str | None]:
    """Run the block of a ``with`` in lane *name*; None is without a lane.

    Raises InvalidLane, a ValueError, when *name* is not a lane name or not one of
    ``COLORFAST_LANES``.
    """
    if name is not None:
        _check(name)
    return _Attached(lambda: with_lane(get_current(), name, settings()), current)


def bind(fn: Callable[P, R]) -> Callable[P, R]:
    """*fn*, to be called from another thread or an executor with the context of now.

    The whole context, so tracing and baggage go along. It may be called many times and from many
    threads at once. A coroutine function stays one.
    """
    if inspect.iscoroutinefunction(fn):
        return cast("Callable[P, R]", _bound_coroutine(fn))
    origin = copy_context()

    @wraps(fn)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        # A copy: two threads cannot be in one context.
        return origin.copy().run(fn, *args, **kwargs)

    return bound


def _bound_coroutine(fn: Callable[P, Any]) -> Callable[P, Any]:
    origin = get_current()

    @wraps(fn)
    async def bound(*args: P.args, **kwargs: P.kwargs) -> Any:
        with attached(origin):
            return await fn(*args, **kwargs)

    return bound


def extract(headers: Headers) -> Context:
    """The current context with the lane of *headers*, and without the lane it had before.

    Never raises: headers that hold no valid lane give a context without one.
    """
    chosen = settings()
    base = without_arrivals(get_current(), chosen)
    return own().extract(gathered(headers, (chosen.header, "baggage")), base)


def attached(context: Context) -> AbstractContextManager[None]:
    """Run the block of a ``with`` in *context*; the one of before is restored at its end."""
    return _Attached(lambda: context, lambda: None)


def from_headers(headers: Headers) -> AbstractContextManager[str | None]:
    """Run the block of a ``with`` in the lane of *headers*: ``attached(extract(headers))``."""
    return _Attached(lambda: extract(headers), current)


def headers(context: Context | None = None) -> dict[str, str]:
    """What to send so that the other side gets the lane: the lane header and ``baggage``.

    Of *context*, by default the current one. Empty when there is nothing to send.
    """
    carrier: dict[str, str] = {}
    own().inject(carrier, context)
    return carrier


T = TypeVar("T")


class _Attached(AbstractContextManager[T]):
    """Not a decorator on purpose: around a coroutine function it would end before that has run."""

    __slots__ = ("_context", "_result", "_tokens")

    def __init__(self, context: Callable[[], Context], result: Callable[[], T]) -> None:
        self._context = context
        self._result = result
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> T:
        self._tokens.append(attach(self._context()))
        return self._result()

    def __exit__(self, *_: object) -> None:
        detach(self._tokens.pop())


def __getattr__(name: str) -> object:
    # Only who consumes messages pays for importing what that needs.
    if name == "should_consume":
        from colorfast.propagator.messaging import should_consume  # noqa: PLC0415

        return should_consume
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _check(name: object) -> None:
    if isinstance(name, str) and settings().lanes.admit(name):
        return
    raise InvalidLane(
        name,
        why="a lane name is up to 63 of a-z 0-9 . _ - with a letter or digit at both ends, and "
        "one of COLORFAST_LANES where that is set",
        fix="check it with colorfast.lane.is_lane_name before, or use None for no lane",
    )
