"""Several processes that serve one policy, and the parent that sees to it that they do.

The parent decides no request and reads no policy. It gives each worker an address, starts it again
when it has died, passes on what signals say, and shows all of them as one: ``/metrics`` adds up,
``/policy`` and ``/readyz`` tell of each. An error that keeps a worker from starting ends all of it,
as long as not all have been ready once; after that a worker is started again and again, at growing
intervals, with the policy that the others serve, even if its source holds a broken one by then.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from colorfast.extproc._address import Address
from colorfast.extproc._control import Message, Order, Ready, Report, Verb
from colorfast.extproc._logs import logging_to_stderr
from colorfast.extproc._seat import Seat, ended
from colorfast.extproc._settings import Settings
from colorfast.extproc._sums import added, families, metrics, total
from colorfast.policy import ColorfastError

LEEWAY: Final = 5.0
"""Seconds that workers may take beyond ``drain_delay`` and ``grace``, or to hurry."""

_LOG = logging.getLogger("colorfast.extproc")


class Workers:
    """Workers that run. *started* is called when each of them was ready once."""

    def __init__(self, settings: Settings, started: Callable[["Workers"], None]) -> None:
        self.settings = settings
        self.seats = tuple(
            Seat(number, replace(settings, listen=address, admin=None), self._told)
            for number, address in enumerate(_addresses(settings))
        )
        self.admin = settings.admin
        """Where admin HTTP listens, with the port that was bound."""
        self._on_started = started
        self._started = False
        self._stopping = asyncio.Event()
        self._policy: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the workers listen, in order; the same more than once where they share it."""
        return tuple(seat.settings.listen for seat in self.seats)

    @property
    def serving(self) -> bool:
        """Whether requests are wanted: once every worker was ready, as long as one of them is."""
        ready = any(seat.state == "ready" for seat in self.seats)
        return self._started and ready and not self._stopping.is_set()

    def reload(self) -> None:
        """Have every worker look at the policy at once."""
        self._tell("reload")

    def drain(self) -> None:
        """Have every worker drain and end; none is started any more."""
        self._stop("drain", self.settings.drain_delay + self.settings.grace + LEEWAY)

    def hurry(self) -> None:
        """Have every worker end at once."""
        self._stop("hurry", LEEWAY)

    async def run(self) -> None:
        """Run workers until ``drain`` has ended them all; however it ends, no process is left.

        Raises what kept a worker from starting, unless all have been ready before.
        """
        keepers = [asyncio.create_task(self._keep(seat)) for seat in self.seats]
        try:
            done, _ = await asyncio.wait(keepers, return_when=asyncio.FIRST_EXCEPTION)
            for keeper in done:
                keeper.result()
        finally:
            # Each hangs up on its process, which then ends, or is killed when it does not.
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def policy(self) -> dict[str, Any]:
        """What ``/policy`` shows: that of the first worker that answers, and some of each."""
        await self._fresh()
        shown = [seat.report.shown if seat.report else {} for seat in self.seats]
        first = next(filter(None, shown), {})
        unforwarded = {name for one in shown for name in one.get("unforwarded", ())}
        workers = [
            {
                "worker": seat.number,
                "address": seat.settings.listen,
                "state": seat.state,
                "restarts": seat.restarts,
                "digest": one.get("digest"),
            }
            for seat, one in zip(self.seats, shown, strict=True)
        ]
        return {**first, "unforwarded": sorted(unforwarded), "workers": workers}

    async def metrics(self) -> CollectorRegistry:
        """What ``/metrics`` shows: sums over all processes, and some of each worker."""
        await self._fresh()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Sums(self.seats))
        return registry

    async def _keep(self, seat: Seat) -> None:
        """See that *seat* is not empty for long."""
        while not self._stopping.is_set():
            how = await self._live(seat)
            if self._stopping.is_set():
                return
            seat.restarts += 1
            wait = seat.backoff.delay
            _LOG.error("CF620: worker %d %s; starting it again in %g s", seat.number, how, wait)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)

    async def _live(self, seat: Seat) -> str:
        """Run one process in *seat*; how it ended."""
        order = Order(worker=seat.number, settings=seat.settings, policy=self._policy)
        try:
            how = await seat.live(order)
        except (ColorfastError, OSError) as error:
            if not self._started:
                raise
            return f"could not start: {error}"
        if not (self._started or self._stopping.is_set()):
            raise ended(seat.number, how)
        return how

    def _told(self, message: Message) -> None:
        match message:
            case Ready() if self._stopping.is_set():
                # It was not there yet when the others were told.
                self._tell("drain")
            case Ready() if not self._started and all(seat.was_ready for seat in self.seats):
                self._started = True
                self._on_started(self)
            case Report(policy=str(policy)):
                self._policy = policy

    async def _fresh(self) -> None:
        await asyncio.gather(*(seat.fresh() for seat in self.seats))

    def _tell(self, verb: Verb) -> None:
        for seat in self.seats:
            seat.tell(verb)

    def _stop(self, verb: Verb, within: float) -> None:
        self._stopping.set()
        self._tell(verb)
        asyncio.get_running_loop().call_later(within, self._kill)

    def _kill(self) -> None:
        for seat in self.seats:
            seat.kill()


class _Sums(Collector):
    """All processes as one, this one included."""

    def __init__(self, seats: tuple[Seat, ...]) -> None:
        self._seats = seats

    def collect(self) -> Iterator[Metric]:
        parent = families(ProcessCollector(registry=None))
        yield from metrics(added([*(seat.metrics for seat in self._seats), parent]))
        yield from of_each(self._seats)


def of_each(seats: Iterable[Seat]) -> tuple[Metric, ...]:
    """What metrics tell of each worker."""
    up = GaugeMetricFamily("colorfast_worker_up", "Whether the worker serves.", labels=("worker",))
    restarts = CounterMetricFamily(
        "colorfast_worker_restarts", "Starts after a death.", labels=("worker",)
    )
    messages = CounterMetricFamily(
        "colorfast_worker_messages", "Messages of the worker.", labels=("worker",)
    )
    for seat in seats:
        worker = (str(seat.number),)
        up.add_metric(worker, seat.state == "ready")
        restarts.add_metric(worker, seat.restarts)
        messages.add_metric(worker, total(seat.metrics, "colorfast_extproc_messages"))
    return up, restarts, messages


@asynccontextmanager
async def working(
    settings: Settings, started: Callable[[Workers], None] = lambda _: None
) -> AsyncIterator[Workers]:
    """Workers that are about to be run, with admin HTTP; no signal handlers, no logging set up.

    Raises ColorfastError (CF601).
    """
    with _reserved(settings) as reserved:
        workers = Workers(reserved, started)
        if settings.admin is None:
            yield workers
            return
        from colorfast.extproc._admin import serving_admin  # noqa: PLC0415 (see there)

        async with serving_admin(workers, settings.admin) as workers.admin:
            yield workers


async def supervise(settings: Settings, ready: Callable[[Workers], None] | None = None) -> None:
    """Run ``settings.workers`` processes until SIGTERM or SIGINT, then drain them all.

    A second signal ends them at once, SIGHUP has them look at the policy. A worker that dies is
    started again. *ready* is called when all serve. Logs go to stderr. Raises InvalidInput when the
    policy cannot be used, ColorfastError when an address cannot be bound (CF601), a worker does not
    start (CF620) or the TLS files cannot be used (CF622).
    """

    def started(workers: Workers) -> None:
        _LOG.info("%d workers serve on %s", len(workers.seats), ", ".join(workers.addresses))
        if ready is not None:
            ready(workers)

    with logging_to_stderr(settings.log_format):
        # Its default would end the process.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
        async with working(settings, started) as workers:
            with _signals(workers):
                await workers.run()
        _LOG.info("stopped")


@contextmanager
def _reserved(settings: Settings) -> Iterator[Settings]:
    """*settings* with a port that is kept for all workers, if they are to share one."""
    if not settings.reuse_port:
        yield settings
        return
    address = Address.parse(settings.listen)
    with ExitStack() as stack:
        first, *_ = [stack.enter_context(sock) for sock in address.reserve()]
        yield replace(settings, listen=str(address.at(first.getsockname()[1])))


def _addresses(settings: Settings) -> list[str]:
    address = Address.parse(settings.listen)
    numbers = range(settings.workers)
    return [str(address if settings.reuse_port else address.of_worker(one)) for one in numbers]


@contextmanager
def _signals(workers: Workers) -> Iterator[None]:
    draining = False

    def end() -> None:
        nonlocal draining
        if draining:
            workers.hurry()
        else:
            _LOG.info("draining")
            workers.drain()
        draining = True

    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: workers.reload}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
