"""Celery on its in-memory broker, with and without OpenTelemetry's instrumentation."""

# Celery has no types.
# mypy: disable-error-code="no-untyped-call,untyped-decorator"

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, chain, chord, group, signals
from celery.contrib.testing.worker import start_worker
from kombu.transport.memory import Transport
from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import get_current
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from colorfast.propagator import LanePropagator, lane
from colorfast.propagator.messaging import LiveLanes, StaticLanes
from colorfast.propagator.messaging import celery as lanes

WITHIN = 60.0
TRACE = TraceContextTextMapPropagator()
WHOLE = (TRACE, W3CBaggagePropagator(), LanePropagator())


@pytest.fixture(autouse=True)
def _a_worker_that_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drain = Transport.drain_events

    def quick(self: Transport, connection: object, timeout: float | None = None) -> object:
        return drain(self, connection, timeout=min(timeout or 0.05, 0.05))

    monkeypatch.setattr(Transport, "drain_events", quick)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    # A worker configures the root logger of the process, unless somebody says that they do.
    signals.setup_logging.connect(_set_up_already, dispatch_uid="test")
    yield
    signals.setup_logging.disconnect(dispatch_uid="test")


def _set_up_already(**_: object) -> None:
    pass


@pytest.fixture
def app() -> Celery:
    app = Celery("lanes", broker="memory://", backend="cache+memory://")
    app.conf.broker_transport_options = {"polling_interval": 0.01}

    @app.task(name="where", shared=False, bind=True)
    def where(self: Any, before: object = None) -> str | None:
        return lane.current()

    @app.task(name="path", shared=False, bind=True)
    def path(self: Any, before: list[str | None] | None = None) -> list[str | None]:
        return [*(before or []), lane.current()]

    @app.task(name="flaky", shared=False, bind=True, max_retries=2)
    def flaky(self: Any) -> list[str | None]:
        if self.request.retries < 2:
            raise self.retry(countdown=0)
        return [lane.current(), self.request.delivery_info["routing_key"]]

    @app.task(name="nested", shared=False, bind=True)
    def nested(self: Any) -> str:
        return str(where.delay().id)

    @app.task(name="gather", shared=False, bind=True)
    def gather(self: Any, results: list[str | None]) -> list[str | None]:
        return [*results, lane.current()]

    return app


@contextlib.contextmanager
def worker(app: Celery, *queues: str, pool: str = "solo") -> Iterator[None]:
    with start_worker(app, pool=pool, perform_ping_check=False, queues=queues or None):
        yield


@pytest.fixture
def installed() -> Iterator[None]:
    lanes.install()
    try:
        yield
    finally:
        lanes.uninstall()


@contextlib.contextmanager
def instrumented(*propagators: TextMapPropagator, links: bool) -> Iterator[None]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(CompositePropagator(list(propagators)))
    CeleryInstrumentor().instrument(use_span_links=links, tracer_provider=TracerProvider())
    try:
        yield
    finally:
        CeleryInstrumentor().uninstrument()
        propagate.set_global_textmap(before)


def result(sent: Any) -> Any:
    return sent.get(timeout=WITHIN, interval=0.01)


def check_all(app: Celery) -> None:
    """A lane for everything that tasks lead to, and none for the tasks of others."""
    where, path = app.tasks["where"], app.tasks["path"]
    with lane.use("canary"):
        sent = where.delay()
        assert result(chain(path.s(), path.s(), path.s())()) == ["canary"] * 3
        assert result(group(where.s(), where.s())()) == ["canary"] * 2
        assert result(app.tasks["flaky"].delay())[0] == "canary"
        nested = app.tasks["nested"].delay()
    assert result(sent) == "canary"
    assert result(app.AsyncResult(result(nested))) == "canary"
    with lane.use("pr-1"):
        assert result(where.delay()) == "pr-1"
    assert result(where.delay()) is None


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_without_opentelemetry(app: Celery, installed: None, pool: str) -> None:
    with worker(app, pool=pool):
        check_all(app)


def test_without_the_hook_there_is_no_lane(app: Celery) -> None:
    with worker(app), lane.use("canary"):
        assert result(app.tasks["where"].delay()) is None


@pytest.mark.parametrize("links", [False, True], ids=["parents", "span links"])
@pytest.mark.parametrize(
    "propagators", [(TRACE,), WHOLE], ids=["tracecontext", "tracecontext,baggage,colorfast"]
)
def test_installed_after_opentelemetry(
    app: Celery, propagators: tuple[TextMapPropagator, ...], links: bool
) -> None:
    with instrumented(*propagators, links=links):
        lanes.install()
        try:
            with worker(app):
                check_all(app)
        finally:
            lanes.uninstall()


@pytest.mark.parametrize("links", [False, True], ids=["parents", "span links"])
def test_installed_before_opentelemetry(app: Celery, installed: None, links: bool) -> None:
    with instrumented(*WHOLE, links=links), worker(app):
        check_all(app)


def test_span_links_alone_lose_the_lane(app: Celery) -> None:
    # Why there is a hook; when this fails, OpenTelemetry has mended it.
    with instrumented(*WHOLE, links=True), worker(app), lane.use("canary"):
        assert result(app.tasks["where"].delay()) is None


@pytest.fixture
def between() -> Iterator[list[object]]:
    """The contexts that the worker's thread has between tasks."""
    found: list[object] = []

    def look(**_: object) -> None:
        found.append(dict(get_current()))

    signals.task_received.connect(look, weak=False, dispatch_uid="look")
    yield found
    signals.task_received.disconnect(dispatch_uid="look")


@pytest.mark.parametrize("links", [None, False, True], ids=["without", "parents", "span links"])
@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_nothing_is_left_in_the_worker_between_tasks(
    app: Celery, between: list[object], links: bool | None, first: bool
) -> None:
    with contextlib.ExitStack() as stack:
        if first:
            lanes.install()
        if links is not None:
            stack.enter_context(instrumented(*WHOLE, links=links))
        if not first:
            lanes.install()
        stack.callback(lanes.uninstall)
        stack.enter_context(worker(app))
        with lane.use("canary"):
            for _ in range(3):
                assert result(app.tasks["where"].delay()) == "canary"
        assert result(app.tasks["where"].delay()) is None
    assert between == [{}] * 4


def test_eager_tasks_run_in_the_lane_of_the_caller(app: Celery, installed: None) -> None:
    before = get_current()
    with lane.use("canary"):
        assert app.tasks["where"].apply().get() == "canary"
        assert lane.current() == "canary"
    assert app.tasks["where"].apply().get() is None
    assert get_current() is before


def test_a_chord_s_body_is_in_the_lane(app: Celery, installed: None) -> None:
    where, gather = app.tasks["where"], app.tasks["gather"]
    with worker(app), lane.use("canary"):
        assert result(chord([where.s(), where.s()])(gather.s())) == ["canary"] * 3


def test_a_lane_that_was_sent_by_hand_is_replaced(app: Celery, installed: None) -> None:
    with worker(app), lane.use("canary"):
        sent = app.tasks["where"].apply_async(headers={"x-lane": "old", "baggage": "a=1,lane=old"})
        assert result(sent) == "canary"


def test_installing_twice_is_installing_once(app: Celery, installed: None) -> None:
    count = len(signals.before_task_publish.receivers)
    lanes.install()
    assert len(signals.before_task_publish.receivers) == count


# Queues.


def queue_of(live: LiveLanes, name: str | None, **settings: Any) -> dict[str, str] | None:
    with lane.use(name):
        return lanes.Router(live=live, **settings)("where")


@pytest.mark.parametrize(
    ("name", "queue"),
    [(None, None), ("base", None), ("canary", "celery.canary"), ("pr-1", None)],
)
def test_tasks_of_live_lanes_go_to_their_queues(name: str | None, queue: str | None) -> None:
    found = queue_of(StaticLanes(["canary"]), name)
    assert found == (None if queue is None else {"queue": queue})


def test_a_parent_s_workers_take_the_tasks_of_a_lane_without_any() -> None:
    live = StaticLanes(["canary"])
    assert queue_of(live, "pr-1", parents={"pr-1": "canary"}, queue="q") == {"queue": "q.canary"}


@pytest.fixture
def routed(app: Celery) -> Callable[..., Celery]:
    def route(*live: str) -> Celery:
        app.conf.task_routes = (lanes.Router(live=StaticLanes(live)),)
        return app

    return route


def test_workers_of_a_lane_get_its_tasks_only(
    routed: Callable[..., Celery], installed: None
) -> None:
    app = routed("canary")
    where = app.tasks["where"]
    with lane.use("canary"):
        sent = where.delay()
    with lane.use("pr-1"):
        other = where.delay()
    with worker(app, "celery.canary"):
        assert result(sent) == "canary"
    assert not other.ready()
    with worker(app, "celery"):
        assert result(other) == "pr-1"


def test_a_retry_stays_in_the_lane_s_queue(routed: Callable[..., Celery], installed: None) -> None:
    app = routed("canary")
    with worker(app, "celery.canary"), lane.use("canary"):
        assert result(app.tasks["flaky"].delay()) == ["canary", "celery.canary"]
