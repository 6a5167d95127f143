"""gRPC: a channel has one target, so it is known once whether it gets the lane."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from grpc import _channel, intercept_channel
from grpc.aio import _channel as _aio_channel

from colorfast.propagator._grpc import Change
from colorfast.propagator.grpc import ChangingInterceptor
from colorfast.propagator.grpc_aio import changing
from colorfast.propagator.guard._guard import Guard
from colorfast.propagator.guard._install import Place


def host_of(target: str) -> str | None:
    """The host that a target names (gRPC name syntax), or None for what stays on this machine."""
    scheme, _, rest = target.partition(":")
    if scheme in ("unix", "unix-abstract", "vsock", "inproc"):
        return None
    if scheme in ("dns", "ipv4", "ipv6", "passthrough", "xds", "google-c2p"):
        target = rest.rpartition("/")[2]
    target = unquote(target).partition(",")[0]
    if target.startswith("["):
        return target[1:].partition("]")[0]
    return target if target.count(":") > 1 else target.partition(":")[0]


def grpc(guard: Guard) -> Iterator[Place]:
    """Every channel that is made from now on, under all interceptors of others."""

    def kept_for(host: str) -> Change:
        return lambda metadata: guard.kept(host, metadata or ())

    def threaded(original: Callable[..., Any]) -> Callable[..., Any]:
        def channel(target: str, *args: Any, **options: Any) -> Any:
            made = original(target, *args, **options)
            host = host_of(target)
            if host is None or guard.allows(host):
                return made
            return intercept_channel(made, ChangingInterceptor(kept_for(host)))

        return channel

    def asynchronous(original: Callable[..., None]) -> Callable[..., None]:
        def init(  # noqa: PLR0913, PLR0917 (the arguments of what it stands for)
            self: Any,
            target: str,
            options: Any = None,
            credentials: Any = None,
            compression: Any = None,
            interceptors: Any = None,
        ) -> None:
            host = host_of(target)
            if host is not None and not guard.allows(host):
                interceptors = [*(interceptors or ()), *changing(kept_for(host))]
            original(self, target, options, credentials, compression, interceptors)

        return init

    # The classes, not the functions that make channels: those are what instrumentations wrap.
    yield Place(_channel, "Channel", threaded)
    yield Place(_aio_channel.Channel, "__init__", asynchronous)
