"""Messages one by one: those that are for us, each in its lane.

Theory of operation. The context of a message is attached when it is handed out, and detached when
the loop asks for the next one, or leaves: CPython ends an iterator that nobody holds at once, in
the thread and context of the loop. A context that is not on top any more is left alone, for
detaching it would bring back what others have replaced.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Generic, Self, TypeAlias, TypeVar

from opentelemetry.context import Context, attach, detach, get_current

from colorfast.propagator import lane
from colorfast.propagator.messaging._headers import headers_of
from colorfast.propagator.messaging._share import Role

M = TypeVar("M")

Skipped: TypeAlias = Callable[[M], object]
"""Called with each message that is not ours, before the next one is asked for."""


def context_for(message: Any, role: Role | None) -> Context | None:
    """The context to work on *message* in, or None when it is not for *role* (None: for all)."""
    context = lane.extract(headers_of(message))
    return context if role is None or role.takes(lane.current(context)) else None


def ours(
    messages: Iterable[M],
    role: Role,
    skipped: Skipped[M] | None,
    *,
    always: Callable[[M], bool] = lambda _: False,
) -> Iterator[M]:
    """Those of *messages* that are for *role*, or for everybody, each in its lane."""
    for message in messages:
        context = context_for(message, None if always(message) else role)
        if context is None:
            if skipped is not None:
                skipped(message)
            continue
        with lane.attached(context):
            yield message


class AsyncMessages(Generic[M]):
    """Those of *source* that are for *role* (None: all), each in its lane: ``async for`` over it.

    ``async with`` makes sure that the lane of the last one ends with the block, however it is left;
    in CPython a loop alone does so too, when nothing else holds this.
    """

    _left: tuple[Context, Any] | None = None

    def __init__(
        self,
        source: AsyncIterable[M],
        role: Role | None,
        skipped: Callable[[M], Awaitable[object] | object] | None = None,
    ) -> None:
        self._source = source
        self._iterator: AsyncIterator[M] | None = None
        self._role = role
        self._skipped = skipped

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> M:
        self._leave()
        if self._iterator is None:
            self._iterator = aiter(self._source)
        while True:
            message = await anext(self._iterator)
            context = context_for(message, self._role)
            if context is not None:
                self._left = context, attach(context)
                return message
            if self._skipped is not None:
                answer = self._skipped(message)
                if isinstance(answer, Awaitable):
                    await answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def __del__(self) -> None:
        self._leave()

    def _leave(self) -> None:
        left, self._left = self._left, None
        if left is not None and get_current() is left[0]:
            detach(left[1])
