"""Lanes over Celery: tasks run in the lane of who sent them, and lanes have queues of their own.

``install()`` once in the module that makes the app, for the sending and the working side::

    app = Celery("shop", broker=...)
    install()
    app.conf.task_routes = (Router(live=FileLanes("/etc/lanes/live")),)

Works with and without OpenTelemetry's instrumentation, which keeps the lane by itself only when it
runs and does not use span links. Chains, groups, chords, callbacks and retries keep it: Celery
publishes each of these while the task that leads to it is being worked on.

Theory of operation. ``before_task_publish`` writes the current lane on the message.
``task_prerun`` attaches the message's, ``task_postrun`` detaches it. OpenTelemetry's receivers of
the same signals attach and detach too, and Celery calls receivers in the order of their coming,
both times: what came last would have to leave first. So ours are connected a second time, behind
all others, when the first task is run; and what is not on top any more is never detached, for that
would bring it back. Call ``install`` after OpenTelemetry's instrumentation all the same: a first
task may run in no lane when that has no propagator for lanes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.context import attach, detach, get_current

from colorfast.propagator import lane
from colorfast.propagator.messaging._headers import write_mapping
from colorfast.propagator.messaging._live import LiveLanes, StaticLanes
from colorfast.propagator.messaging._share import BASELINE, NO_PARENTS, lane_name, taker

DEFAULT_QUEUE: Final = "celery"
"""Celery's own default (its setting ``task_default_queue``)."""

_FIRST: Final = "colorfast"
_LAST: Final = "colorfast-last"
_ATTACHED: Final = "_colorfast_attached"


def install() -> None:
    """Connect to Celery's signals; once, however often it is called. Needs Celery."""
    from celery import signals  # noqa: PLC0415 (only here, so that others need not have it)

    signals.before_task_publish.connect(_publish, weak=False, dispatch_uid=_FIRST)
    _connect(_FIRST)


def uninstall() -> None:
    """Undo ``install``."""
    from celery import signals  # noqa: PLC0415

    for signal in (signals.before_task_publish, signals.task_prerun, signals.task_postrun):
        for uid in (_FIRST, _LAST):
            signal.disconnect(dispatch_uid=uid)


def _connect(uid: str) -> None:
    from celery import signals  # noqa: PLC0415

    signals.task_prerun.connect(_before, weak=False, dispatch_uid=uid)
    signals.task_postrun.connect(_after, weak=False, dispatch_uid=uid)


def _publish(headers: Any = None, **_: object) -> None:
    if isinstance(headers, dict):
        write_mapping(headers)


def _before(task: Any = None, **_: object) -> None:
    request = getattr(task, "request", None)
    if request is None or request.is_eager:  # eager: it runs in the caller, in the caller's lane
        return
    _connect(_LAST)
    context = lane.extract(request.headers or {})
    name = lane.current(context)
    if name is not None and name == lane.current():  # OpenTelemetry has seen to it, or we before
        return
    if context is not get_current():
        attached = vars(request).setdefault(_ATTACHED, [])
        attached.append((context, attach(context)))


def _after(task: Any = None, **_: object) -> None:
    attached = getattr(getattr(task, "request", None), _ATTACHED, ())
    for context, token in reversed(attached):
        if get_current() is context:
            detach(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Sends each task to the queue of its lane, as an entry of Celery's ``task_routes``.

    That is the queue of the first of the current lane, its parent, and so on, that is live, else
    the baseline's, which is *queue*. A lane's workers consume its queue: ``celery worker -Q
    celery.canary``. A task that is called with a queue of its own goes there.
    """

    live: LiveLanes = field(default_factory=StaticLanes)
    """The lanes that have workers."""
    queue: str = DEFAULT_QUEUE
    separator: str = "."
    baseline: str = BASELINE
    parents: Mapping[str, str] = field(default_factory=lambda: NO_PARENTS)

    def __call__(
        self,
        name: str,
        args: object = None,
        kwargs: object = None,
        options: Mapping[str, Any] | None = None,
        task: object = None,
        **_: object,
    ) -> dict[str, str] | None:
        """Where Celery sends a task; None leaves it to the routes after this one."""
        chosen = taker(
            lane.current(), self.live.lanes(), baseline=self.baseline, parents=self.parents
        )
        if chosen == self.baseline:
            return None
        return {"queue": lane_name(self.queue, chosen, separator=self.separator)}
