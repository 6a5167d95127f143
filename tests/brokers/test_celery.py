"""Celery with real brokers and real workers: processes that fork, as they do in production."""

import contextlib
import importlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest
from brokers.examples import SERVICES, run
from brokers.process import running
from celery import chain, chord, group

from colorfast.propagator import lane
from colorfast.propagator.messaging import celery as lanes

WITHIN = 60.0
TESTS = Path(__file__).parents[1]

_numbers = itertools.count()

Worker: TypeAlias = Callable[..., AbstractContextManager[object]]
CANARY = ["canary", "canary"]
"""In lane canary, by a worker of lane canary."""


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> str:
    name = "redis_url" if request.param == "redis" else "rabbit_url"
    url: str = request.getfixturevalue(name)
    return url.replace("%2F", "/")


@pytest.fixture
def traced() -> str:
    return "no"


@pytest.fixture
def settings(broker: str, redis_url: str, traced: str, tmp_path: Path) -> dict[str, str]:
    live = tmp_path / "live"
    live.write_text("canary")
    queue = f"shop{next(_numbers)}"
    return {
        "broker": broker, "backend": redis_url, "live": str(live), "traced": traced,
        "queue": queue, "worker": "",
    }  # fmt: skip


@pytest.fixture
def app(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The application as its clients see it."""
    monkeypatch.setenv("CELERY_APP_SETTINGS", json.dumps(settings))
    sys.modules.pop("brokers.celery_app", None)
    module = importlib.import_module("brokers.celery_app")
    lanes.install()
    try:
        yield module
    finally:
        lanes.uninstall()
        module.app.close()


@pytest.fixture
def worker(settings: dict[str, str], tmp_path: Path) -> Worker:
    """Runs the workers of a lane: on its own queue, unless told otherwise."""

    @contextlib.contextmanager
    def run(name: str, *queues: str) -> Iterator[None]:
        command = [sys.executable, "-m", "celery", "-A", "brokers.celery_app", "worker"]
        command += ["-c", "1", "-n", f"{name}@{settings['queue']}", "--without-mingle"]
        command += ["--without-gossip", "-l", "INFO", "-Q", ",".join(queues)]
        env = {
            "PYTHONPATH": str(TESTS),
            "CELERY_APP_SETTINGS": json.dumps({**settings, "worker": name}),
        }
        log = tmp_path / f"{name}.log"
        log.unlink(missing_ok=True)
        with running(name, command, tmp_path, lambda: " ready." in log.read_text(), env=env):
            yield

    return run


def result(sent: Any) -> Any:
    return sent.get(timeout=WITHIN, interval=0.02)


@pytest.mark.parametrize(
    ("broker", "traced"),
    [("redis", "no"), ("redis", "parents"), ("redis", "links"), ("rabbitmq", "links")],
    indirect=["broker"],
)
def test_a_lane_s_tasks_stay_in_it_and_with_its_workers(
    app: ModuleType, worker: Worker, settings: dict[str, str]
) -> None:
    queue = settings["queue"]
    with worker("base", queue), worker("canary", f"{queue}.canary"):
        with lane.use("canary"):
            assert result(app.where.delay()) == CANARY
            assert result(chain(app.path.s(), app.path.s(), app.path.s())()) == [CANARY] * 3
            assert result(group(app.where.s(), app.where.s())()) == [CANARY] * 2
            assert result(chord([app.where.s()] * 2)(app.gather.s())) == [CANARY] * 3
            assert result(app.flaky.delay()) == [2, CANARY]
            nested = result(app.nested.delay())
        assert result(app.app.AsyncResult(nested)) == CANARY
        with lane.use("pr-1"):
            assert result(app.where.delay()) == ["pr-1", "base"]
            assert result(app.flaky.delay()) == [2, ["pr-1", "base"]]
        assert result(app.where.delay()) == [None, "base"]


def test_a_lane_that_dies_hands_over_and_returns(
    app: ModuleType, worker: Worker, settings: dict[str, str]
) -> None:
    queue, live = settings["queue"], Path(settings["live"])
    with worker("base", queue):
        with worker("canary", f"{queue}.canary"), lane.use("canary"):
            assert result(app.where.delay()) == CANARY
        live.write_text("")
        with lane.use("canary"):
            assert result(app.where.delay()) == ["canary", "base"]
        live.write_text("canary again-so-that-the-size-differs")
        with worker("canary", f"{queue}.canary"), lane.use("canary"):
            assert result(app.where.delay()) == CANARY


def test_what_a_lane_has_left_unread_is_worked_off_by_the_baseline(
    app: ModuleType, worker: Worker, settings: dict[str, str]
) -> None:
    queue = settings["queue"]
    with lane.use("canary"):
        unread = [app.where.delay() for _ in range(3)]
    with worker("base", queue, f"{queue}.canary"):
        assert [result(one) for one in unread] == [["canary", "base"]] * 3


def test_the_example_runs(redis_url: str, tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.write_text("canary")
    env = {"REDIS": redis_url, "LIVE": str(live), "PYTHONPATH": str(SERVICES)}

    def workers(name: str, *queue: str) -> AbstractContextManager[object]:
        command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", *queue]
        command += ["-c", "1", "-n", f"{name}@example"]
        return running(name, command, tmp_path, lambda: True, env=env)

    with workers("base"), workers("canary", "-Q", "celery.canary"):
        said = [run("celery_tasks.py", *one, env=env) for one in (["canary"], ["pr-1"], [])]
    assert said == [
        "['canary', 'canary', 'canary@example']\n",
        "['pr-1', 'pr-1', 'base@example']\n",
        "[None, None, 'base@example']\n",
    ]
