"""The lane of the code that runs."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry.context import get_current

from colorfast.propagator import InvalidLane, Settings, lane

Configure = Callable[..., Settings]


def test_there_is_none_at_first() -> None:
    assert lane.current() is None


def test_a_block_runs_in_its_lane_and_the_one_around_it_comes_back() -> None:
    with lane.use("canary") as name:
        assert name == lane.current() == "canary"
        with lane.use("blue"):
            assert lane.current() == "blue"
            with lane.use(None) as none:
                assert none is None
                assert lane.current() is None
        assert lane.current() == "canary"
    assert lane.current() is None


def test_a_lane_comes_back_after_an_exception() -> None:
    with pytest.raises(KeyError), lane.use("canary"):
        raise KeyError
    assert lane.current() is None


def test_one_object_can_be_entered_again_and_inside_of_itself() -> None:
    blue = lane.use("blue")
    with blue, blue:
        assert lane.current() == "blue"
    with blue:
        assert lane.current() == "blue"
    assert lane.current() is None


def test_other_baggage_stays() -> None:
    with lane.from_headers({"baggage": "a=1"}), lane.use("blue"):
        assert lane.headers() == {"x-lane": "blue", "baggage": "lane=blue,a=1"}


def test_opentelemetrys_baggage_says_the_same() -> None:
    with lane.use("blue"):
        assert baggage.get_baggage("lane") == "blue"


@pytest.mark.parametrize("name", ["", "Canary", "a b", "-a", "a" * 64, "a\r\nb", 5, b"blue", ["a"]])
def test_a_name_that_is_none_is_the_callers_mistake(name: Any) -> None:
    with pytest.raises(InvalidLane) as raised:
        lane.use(name)
    assert isinstance(raised.value, ValueError)
    assert "CF701" in str(raised.value)
    assert len(str(raised.value)) < 500


def test_so_is_one_that_this_service_does_not_allow(configured: Configure) -> None:
    configured(lanes="base,canary")
    with pytest.raises(InvalidLane), lane.use("blue"):
        pass
    with lane.use("canary"):
        assert lane.current() == "canary"


# What it goes along with.


def test_threads_and_executors_get_it_by_binding() -> None:
    with lane.use("blue"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lane.current).result(10) is None
        assert pool.submit(lane.bind(lane.current)).result(10) == "blue"


def test_a_bound_function_runs_in_many_threads_at_once() -> None:
    meet = threading.Barrier(4, timeout=10)

    def meeting() -> str | None:
        meet.wait()
        return lane.current()

    with lane.use("blue"), ThreadPoolExecutor(4) as pool:
        bound = lane.bind(meeting)
        futures = [pool.submit(bound) for _ in range(4)]
        assert [future.result(10) for future in futures] == ["blue"] * 4


def test_a_bound_function_keeps_name_arguments_and_result() -> None:
    def add(one: int, *, other: int) -> int:
        return one + other

    bound = lane.bind(add)
    assert bound(1, other=2) == 3
    assert bound.__name__ == "add"


def test_what_a_bound_function_sets_stays_with_it() -> None:
    def enter() -> None:
        lane.use("green").__enter__()

    with lane.use("blue"):
        lane.bind(enter)()
        assert lane.current() == "blue"


async def test_a_bound_coroutine_function_runs_in_the_lane_of_its_binding() -> None:
    async def ask() -> str | None:
        await asyncio.sleep(0)
        return lane.current()

    with lane.use("blue"):
        bound = lane.bind(ask)
    assert await bound() == "blue"
    assert lane.current() is None


async def test_tasks_and_threads_of_asyncio_keep_it() -> None:
    async def ask() -> str | None:
        return lane.current()

    with lane.use("blue"):
        assert await asyncio.create_task(ask()) == "blue"
        assert await asyncio.to_thread(lane.current) == "blue"
        assert [*await asyncio.gather(ask(), ask())] == ["blue", "blue"]


async def test_tasks_at_the_same_time_have_their_own() -> None:
    async def work(name: str) -> list[str | None]:
        seen = []
        with lane.use(name):
            for _ in range(5):
                await asyncio.sleep(0)
                seen.append(lane.current())
        return seen

    names = ["blue", "green", "canary"]
    assert await asyncio.gather(*map(work, names)) == [[name] * 5 for name in names]


# Headers.


@pytest.mark.parametrize(
    "headers",
    [
        {"x-lane": "blue"},
        {"X-Lane": b"blue"},
        {b"X-LANE": b"blue"},
        [("x-lane", "blue")],
        [("k", b"v"), (b"x-lane", b"blue")],
        [["Baggage", "lane=blue"]],
        (pair for pair in [("x-lane", "blue")]),
        {"x-lane": ["blue"]} if False else {"baggage": b"a=1,lane=blue"},
    ],
)
def test_headers_of_any_shape_are_read(headers: Any) -> None:
    if not isinstance(headers, dict | list):
        headers = list(headers)
    with lane.from_headers(headers) as name:
        assert name == lane.current() == "blue"
    assert lane.current() is None
    assert lane.current(lane.extract(headers)) == "blue"


@pytest.mark.parametrize(
    "headers", [None, 5, [1], [(1,)], [("x-lane",)], {"x-lane": None}, "x-lane"]
)
def test_headers_that_are_none_have_no_lane(headers: Any) -> None:
    with lane.use("blue"), lane.from_headers(headers) as name:
        assert name is None
        assert lane.current() is None


def test_what_the_code_had_before_does_not_leak_into_a_message() -> None:
    with lane.from_headers({"x-lane": "blue", "baggage": "a=1"}):
        assert lane.headers(lane.extract({})) == {}
        assert lane.headers(lane.extract({"baggage": "b=2"})) == {"baggage": "b=2"}


def test_a_message_keeps_the_span_of_who_works_on_it() -> None:
    with lane.attached(get_current() | {"k": 1}):  # type: ignore[arg-type]
        assert lane.extract({"x-lane": "blue"})["k"] == 1


def test_what_is_sent_is_read_on_the_other_side() -> None:
    with lane.use("canary"):
        sent = lane.headers()
    assert sent == {"x-lane": "canary", "baggage": "lane=canary"}
    assert lane.current(lane.extract(sent)) == "canary"
    assert lane.headers() == {}


def test_the_names_are_those_of_the_environment(configured: Configure) -> None:
    configured(header="x-dye", member="dye")
    with lane.use("blue"):
        assert lane.headers() == {"x-dye": "blue", "baggage": "dye=blue"}


def test_it_is_no_decorator_for_that_would_lie_about_coroutine_functions() -> None:
    assert not callable(lane.use("blue"))


def test_consuming_is_at_hand() -> None:
    assert callable(lane.should_consume)
    with pytest.raises(AttributeError):
        lane.no_such_thing  # noqa: B018
