"""The service: policy, gRPC, admin HTTP and the watcher, started and stopped in order.

Start: read the policy, bind both addresses, then serve, then watch its source. Whatever fails is
raised before anything is served. Stop: say NOT_SERVING, go on for ``drain_delay`` so that load
balancers notice, refuse new streams, let open ones finish within ``grace``, close. Admin HTTP goes
last: it tells how the drain goes.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from time import time

from colorfast.extproc._address import Address
from colorfast.extproc._guard import Guard
from colorfast.extproc._health import Health
from colorfast.extproc._listening import Door
from colorfast.extproc._logs import logging_to_stderr
from colorfast.extproc._processor import Processor
from colorfast.extproc._reload import PolicyState, first
from colorfast.extproc._settings import Settings
from colorfast.extproc._shown import ServiceShown
from colorfast.extproc._source import PolicySource, Reading
from colorfast.extproc._sources import cache_of, source_of
from colorfast.extproc._transports import transport
from colorfast.extproc._watch import Watcher, load_first

_LOG = logging.getLogger("colorfast.extproc")


class Running:
    """A service that runs."""

    def __init__(self, settings: Settings, source: PolicySource, state: PolicyState) -> None:
        self.settings = settings
        self.processor = Processor(state.engine, native=settings.engine == "native")
        self.watcher = Watcher(state, self.processor, source, cache_of(settings))
        self.health = Health()
        self.address = settings.listen
        """Where it listens, with the port that was bound."""
        self.admin = settings.admin
        """Where admin HTTP listens, with the port that was bound."""
        self._hurry = asyncio.Event()
        self.guard = None if settings.tls is None else Guard(settings.tls)
        """Who is let in over TLS; None without TLS."""
        door = Door(
            reuse_port=settings.reuse_port, socket_mode=settings.socket_mode, guard=self.guard
        )
        self._transport = transport(settings.transport, self.processor, self.health, door)

    def reload(self) -> None:
        """Look at the policy, and read the files of TLS, at once."""
        self.watcher.reload()
        if self.guard is not None:
            self.guard.certificates.reload()

    async def start(self) -> None:
        """Listen for Envoy. Raises ColorfastError (CF601)."""
        address = Address.parse(self.settings.listen)
        address.claim(shared=self.settings.reuse_port)
        self.address = str(await self._transport.start(address))

    def hurry(self) -> None:
        """Wait for nothing any more: neither for the drain's delay nor for open streams."""
        self._hurry.set()

    async def drain(self) -> None:
        """Say NOT_SERVING and serve on, until ``drain_delay`` is over."""
        self.health.serving = False
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), self.settings.drain_delay)

    async def finish(self) -> None:
        """Refuse new streams; end those that have not ended by themselves within ``grace``."""
        self.health.close()
        stopping = asyncio.create_task(self._transport.stop(self.settings.grace))
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        with suppress(asyncio.CancelledError):
            await hurried
        if not stopping.done():
            await self._transport.stop(None)
        await stopping


@asynccontextmanager
async def running(settings: Settings, policy: str | None = None) -> AsyncIterator[Running]:
    """The service, for as long as the block lasts; no signal handlers, no logging set up.

    *policy* is the text to start with instead of what the source holds now. Raises InvalidInput
    when the policy cannot be had or used, ColorfastError when an address cannot be bound (CF601),
    the TLS files cannot be used (CF622) or a cluster cannot be asked (CF634).
    """
    source = source_of(settings)
    service = Running(settings, source, await _start(source, settings, policy))
    async with _admin(service), _grpc(service), _watching(service):
        service.health.serving = True
        served = service.processor.engine.policy
        _LOG.info("serving policy %s %s on %s", served.name, served.digest, service.address)
        yield service


async def _start(source: PolicySource, settings: Settings, policy: str | None) -> PolicyState:
    if policy is None:
        return await load_first(source, cache_of(settings))
    given = Reading(content=policy.encode())
    return first(source.name, given, time(), by_path=source.by_path)


async def serve(settings: Settings, ready: Callable[[Running], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends it at once.

    SIGHUP looks at the policy. *ready* is called when requests are served. Logs go to stderr.
    Raises what ``running`` raises.
    """
    with logging_to_stderr(settings.log_format):
        # Its default would end the process; and at the start the file is being read anyway.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
        async with running(settings) as service:
            with _signals(service) as stop:
                if ready is not None:
                    ready(service)
                await stop.wait()
                _LOG.info("draining")
                await service.drain()
                await service.finish()
        _LOG.info("stopped")


@contextmanager
def _signals(service: Running) -> Iterator[asyncio.Event]:
    stop = asyncio.Event()

    def end() -> None:
        if stop.is_set():
            service.hurry()
        stop.set()

    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: service.reload}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield stop
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _grpc(service: Running) -> AsyncIterator[None]:
    try:
        await service.start()
        yield
    finally:
        await service.finish()


@asynccontextmanager
async def _admin(service: Running) -> AsyncIterator[None]:
    if service.settings.admin is None:
        yield
        return
    from colorfast.extproc._admin import serving_admin  # noqa: PLC0415 (see there)

    shown = ServiceShown(
        health=service.health,
        watcher=service.watcher,
        processor=service.processor,
        guard=service.guard,
    )
    async with serving_admin(shown, service.settings.admin) as service.admin:
        yield


@asynccontextmanager
async def _watching(service: Running) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(service.watcher.run(), name="policy watcher")]
    if service.guard is not None:
        looking = service.guard.certificates.run(service.settings.poll)
        tasks.append(asyncio.create_task(looking, name="TLS watcher"))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
