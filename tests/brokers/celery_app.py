"""The Celery application of test_celery: ``celery --app brokers.celery_app worker``.

CELERY_APP_SETTINGS is its settings as JSON: broker, backend, live (a file), traced (``no``,
``parents``, ``links``), worker (the lane whose workers these are).
"""

# Celery has no types.
# mypy: disable-error-code="no-untyped-call,untyped-decorator"

import json
import os
from pathlib import Path
from typing import Any

from celery import Celery, signals
from opentelemetry import propagate
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from colorfast.propagator import lane
from colorfast.propagator.messaging import FileLanes
from colorfast.propagator.messaging import celery as lanes

SETTINGS = json.loads(os.environ["CELERY_APP_SETTINGS"])

app = Celery("shop", broker=SETTINGS["broker"], backend=SETTINGS["backend"])
live = FileLanes(Path(SETTINGS["live"]), interval=0)
app.conf.task_routes = (lanes.Router(live=live, queue=SETTINGS["queue"]),)
app.conf.task_default_queue = SETTINGS["queue"]
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_prefetch_multiplier = 1
if SETTINGS["broker"].startswith("amqp"):
    app.conf.task_default_queue_type = "classic"


def trace(**_: object) -> None:
    """What OpenTelemetry says to do in each worker process; it knows nothing of lanes."""
    if SETTINGS["traced"] != "no":
        propagate.set_global_textmap(TraceContextTextMapPropagator())
        links = SETTINGS["traced"] == "links"
        CeleryInstrumentor().instrument(use_span_links=links, tracer_provider=TracerProvider())


signals.worker_process_init.connect(trace, weak=False)
signals.worker_process_init.connect(lambda **_: lanes.install(), weak=False)


def here() -> list[str | None]:
    """The lane of the task, and whose worker runs it."""
    return [lane.current(), SETTINGS["worker"]]


@app.task
def where(*_: object) -> list[str | None]:
    return here()


@app.task
def path(before: list[Any] | None = None) -> list[Any]:
    return [*(before or []), here()]


@app.task(bind=True, max_retries=2)
def flaky(self: Any) -> list[Any]:
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return [self.request.retries, here()]


@app.task
def nested() -> str:
    return str(where.delay().id)


@app.task
def gather(results: list[Any]) -> list[Any]:
    return [*results, here()]
