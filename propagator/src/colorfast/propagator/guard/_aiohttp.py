"""aiohttp's client: it makes a ClientRequest for each hop."""

from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import ClientRequest

from colorfast.propagator.guard._guard import Guard
from colorfast.propagator.guard._install import Place


def aiohttp(guard: Guard) -> Iterator[Place]:
    """Every request of aiohttp."""

    def wrap(original: Callable[..., None]) -> Callable[..., None]:
        def init(self: Any, *args: Any, **options: Any) -> None:
            original(self, *args, **options)
            host = self.url.raw_host
            if not guard.allows(host):
                kept = guard.kept(host, self.headers.items())
                if len(kept) != len(self.headers) or kept != list(self.headers.items()):
                    self.headers.clear()
                    self.headers.extend(kept)

        return init

    yield Place(ClientRequest, "__init__", wrap)
