"""The service: policy, gRPC, admin HTTP and the watcher, started and stopped in order.

Start: read the policy, bind both addresses, then serve, then watch the file. Whatever fails is
raised before anything is served. Stop: say NOT_SERVING, go on for ``drain_delay`` so that load
balancers notice, refuse new streams, let open ones finish within ``grace``, close. Admin HTTP goes
last: it tells how the drain goes.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import grpc
from aiohttp import web

from colorfast.extproc._address import Address, cannot_bind
from colorfast.extproc._admin import Admin
from colorfast.extproc._health import Health
from colorfast.extproc._logs import logging_to_stderr
from colorfast.extproc._processor import Processor
from colorfast.extproc._reload import PolicyState
from colorfast.extproc._service import OPTIONS, ExternalProcessor
from colorfast.extproc._settings import Settings
from colorfast.extproc._watch import Watcher, load_first

_LOG = logging.getLogger("colorfast.extproc")


class Running:
    """A service that runs."""

    def __init__(self, settings: Settings, state: PolicyState) -> None:
        self.settings = settings
        self.processor = Processor(state.engine)
        self.watcher = Watcher(state, self.processor, poll=settings.poll)
        self.health = Health()
        self.address = settings.listen
        """Where it listens, with the port that was bound."""
        self.admin = settings.admin
        """Where admin HTTP listens, with the port that was bound."""
        self._hurry = asyncio.Event()
        self._server = grpc.aio.server(options=OPTIONS)
        self._external = ExternalProcessor(self.processor)
        self._server.add_generic_rpc_handlers((self._external.handler(), self.health.handler()))

    def reload(self) -> None:
        """Read the policy file at once."""
        self.watcher.reload()

    async def start(self) -> None:
        """Listen for Envoy. Raises ColorfastError (CF601)."""
        address = Address.parse(self.settings.listen)
        address.claim()
        try:
            port = self._server.add_insecure_port(str(address))
        except RuntimeError:
            raise cannot_bind(str(address), "gRPC refused it", "choose another") from None
        self.address = str(address.at(port))
        await self._server.start()

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
        stopping = asyncio.create_task(self._server.stop(self.settings.grace))
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not stopping.done():
            await self._server.stop(None)
        await stopping
        await self._external.settled()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """The service, for as long as the block lasts; no signal handlers, no logging set up.

    Raises InvalidInput when the policy cannot be used, ColorfastError (CF601) when an address
    cannot be bound.
    """
    service = Running(settings, load_first(settings.policy))
    async with _admin(service), _grpc(service), _watching(service.watcher):
        service.health.serving = True
        policy = service.processor.engine.policy
        _LOG.info("serving policy %s %s on %s", policy.name, policy.digest, service.address)
        yield service


async def serve(settings: Settings, ready: Callable[[Running], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends it at once.

    SIGHUP reads the policy file. *ready* is called when requests are served. Logs go to stderr.
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
    address = Address.parse(service.settings.admin)
    address.claim()
    admin = Admin(health=service.health, watcher=service.watcher, processor=service.processor)
    runner = web.AppRunner(admin.app(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        service.admin = str(address.at(await _site(runner, address)))
        yield
    finally:
        await runner.cleanup()
        address.release()


async def _site(runner: web.AppRunner, address: Address) -> int:
    """Listen, and the port that was bound."""
    if address.path:
        await web.UnixSite(runner, address.path).start()
        return 0
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        why = error.strerror or str(error)
        raise cannot_bind(str(address), why, "choose another") from None
    return int(runner.addresses[0][1])


@asynccontextmanager
async def _watching(watcher: Watcher) -> AsyncIterator[None]:
    task = asyncio.create_task(watcher.run(), name="policy watcher")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
