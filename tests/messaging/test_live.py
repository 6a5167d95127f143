"""Which lanes are live: the sources."""

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from colorfast.propagator.messaging import (
    FileLanes,
    HttpLanes,
    LiveLanes,
    PolledLanes,
    StaticLanes,
    parse_lanes,
)
from helpers.processes import wait_until

CANARY = frozenset({"canary"})
TICK = 0.01


def until(live: LiveLanes, lanes: set[str]) -> None:
    wait_until(lambda: live.lanes() == lanes, f"{lanes} are live", within=20)


def test_static_lanes_are_what_they_are() -> None:
    assert StaticLanes(["canary", "pr-1"]).lanes() == {"canary", "pr-1"}
    with pytest.raises(ValueError, match="'NO' is not a lane name"):
        StaticLanes(["NO"])


@pytest.mark.parametrize(
    ("text", "lanes"),
    [
        (b"", set()),
        (b"canary\npr-1\n", {"canary", "pr-1"}),
        (b" canary pr-1\t# not pr-2\n\n#pr-3\r\n", {"canary", "pr-1"}),
    ],
)
def test_a_list_of_lanes(text: bytes, lanes: set[str]) -> None:
    assert parse_lanes(text) == lanes


@pytest.mark.parametrize("text", [b"Canary", b'["canary"]', b"\xff", b"#" * (64 * 1024 + 1)])
def test_what_is_no_list_of_lanes(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"lane name|decode|more than 65536"):
        parse_lanes(text)


# A file.


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "live"
    path.write_text("canary\n")
    return path


def test_a_file_is_read_again_when_it_changes(file: Path) -> None:
    live = FileLanes(file, interval=0)
    assert live.lanes() == CANARY
    file.write_text("canary pr-1\n")
    assert live.lanes() == {"canary", "pr-1"}


def test_a_file_that_is_swapped_for_one_of_the_same_size_and_time_is_seen(file: Path) -> None:
    live = FileLanes(file, interval=0)
    assert live.lanes() == CANARY
    other = file.with_name("other")
    other.write_text("canari\n")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert live.lanes() == {"canari"}


def test_a_file_is_looked_at_once_in_an_interval(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("colorfast.propagator.messaging._live.monotonic", lambda: now)
    live = FileLanes(file, interval=5)
    assert live.lanes() == CANARY
    file.write_text("pr-1 pr-2\n")
    now = 104.9
    assert live.lanes() == CANARY
    now = 105.0
    assert live.lanes() == {"pr-1", "pr-2"}


@pytest.mark.parametrize("broken", ["Canary!", None], ids=["not lanes", "no file"])
def test_the_last_good_list_stays_and_the_log_says_so_once(
    file: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    live = FileLanes(file, interval=0)
    assert live.lanes() == CANARY
    file.unlink()
    if broken:
        file.write_text(broken)
    assert [live.lanes() for _ in range(5)] == [CANARY] * 5
    assert len(caplog.records) == 1
    assert caplog.messages[0].startswith(f"CF706: live lanes of {file}: ")
    file.write_text("pr-1 pr-2")
    assert live.lanes() == {"pr-1", "pr-2"}


def test_without_a_file_no_lane_is_live(tmp_path: Path) -> None:
    live = FileLanes(tmp_path / "later", interval=0)
    assert live.lanes() == frozenset()
    (tmp_path / "later").write_text("canary")
    assert live.lanes() == CANARY


# A function that is asked.


def test_a_polled_source_follows(caplog: pytest.LogCaptureFixture) -> None:
    answer: Callable[[], list[str]] = lambda: ["canary"]  # noqa: E731
    with PolledLanes(lambda: answer(), interval=TICK) as live:  # noqa: PLW0108 (it is changed)
        assert live.wait(20)
        assert live.lanes() == CANARY
        answer = lambda: ["canary", "pr-1"]  # noqa: E731
        until(live, {"canary", "pr-1"})


def test_the_last_good_answer_stays_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = threading.Semaphore(0)
    broken = False

    def fetch() -> list[str]:
        asked.release()
        return ["NO"] if broken else ["canary"]

    with PolledLanes(fetch, interval=TICK) as live:
        assert live.wait(20)
        broken = True
        for _ in range(6):
            assert asked.acquire(timeout=20)
        assert live.lanes() == CANARY
        assert [one.levelno for one in caplog.records] == [logging.WARNING]
        broken = False
        wait_until(lambda: "answers again" in caplog.text, "the log says so", within=20)


def test_asking_does_not_wait_for_a_source_that_hangs() -> None:
    let_go = threading.Event()

    def fetch() -> list[str]:
        let_go.wait(60)
        return ["canary"]

    with PolledLanes(fetch, interval=TICK) as live:
        assert live.lanes() == frozenset()
        assert not live.wait(TICK)
        let_go.set()
        assert live.wait(20)


def test_the_thread_ends_with_close() -> None:
    live = PolledLanes(lambda: ["canary"], interval=60)
    assert live.wait(20)
    thread = live._thread
    live.close()
    assert thread is not None
    assert not thread.is_alive()
    assert live.lanes() == CANARY


def _own_answer(live: PolledLanes, answers: "multiprocessing.Queue[str]") -> None:
    until(live, {f"pid-{os.getpid()}"})
    answers.put("it came")


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_forked_worker_asks_by_itself() -> None:
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    with PolledLanes(lambda: [f"pid-{os.getpid()}"], interval=TICK) as live:
        assert live.wait(20)
        child = fork.Process(target=_own_answer, args=(live, answers))
        child.start()
        try:
            assert answers.get(timeout=30) == "it came"
        finally:
            child.kill()
            child.join(20)


# HTTP.


class Source:
    """An HTTP server that says what ``body`` and ``status`` are."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"canary\n"
        self.gone = threading.Event()
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(source.status)
                self.end_headers()
                self.wfile.write(source.body)
                if self.path == "/slow":
                    self.wfile.flush()
                    source.gone.wait(30)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)


@pytest.fixture
def source() -> Iterator[Source]:
    one = Source()
    try:
        yield one
    finally:
        one.close()


def test_a_url_is_followed(source: Source) -> None:
    with HttpLanes(source.url, interval=TICK) as live:
        assert live.wait(20)
        assert live.lanes() == CANARY
        source.body = b"pr-1 pr-2"
        until(live, {"pr-1", "pr-2"})


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"pr-1"), (204, b""), (200, b"<html>"), (200, b"#" * 70_000)],
    ids=["500", "no content", "no lanes", "too long"],
)
def test_an_answer_that_cannot_be_used_changes_nothing(
    source: Source, status: int, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with HttpLanes(source.url, interval=TICK) as live:
        assert live.wait(20)
        source.status, source.body = status, body
        wait_until(lambda: bool(caplog.records), "the log says so", within=20)
        assert live.lanes() == CANARY
        assert caplog.messages[0].startswith("CF706: live lanes of 127.0.0.1: ")


def test_an_answer_that_does_not_end_is_given_up(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    with HttpLanes(f"{source.url}/slow", interval=TICK, timeout=0.1) as live:
        wait_until(lambda: bool(caplog.records), "the log says so", within=20)
        assert live.lanes() == frozenset()


def test_another_format_has_another_parser(source: Source) -> None:
    source.body = b"canary,pr-1"
    with HttpLanes(source.url, parse=lambda body: body.decode().split(",")) as live:
        assert live.wait(20)
        assert live.lanes() == {"canary", "pr-1"}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/x", "canary"])
def test_only_http_is_fetched(url: str) -> None:
    with pytest.raises(ValueError, match="neither http nor https"):
        HttpLanes(url)
