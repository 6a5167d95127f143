"""Colorfast's own middlewares: the lane is there wherever code of the application runs, and only
there.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry import baggage
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from colorfast.propagator import lane
from colorfast.propagator.aiohttp import lane_middleware
from colorfast.propagator.asgi import LaneMiddleware as Asgi
from colorfast.propagator.wsgi import LaneMiddleware as Wsgi

CANARY = {"x-lane": "canary", "baggage": "a=1"}
FORWARDED = "{'x-lane': 'canary', 'baggage': 'lane=canary,a=1'}"


# WSGI


def ask_wsgi(app: Any, **environ: str) -> list[bytes]:
    wanted: dict[str, Any] = dict(environ)
    setup_testing_defaults(wanted)
    body = Wsgi(app)(wanted, lambda *_: lambda _: None)
    try:
        return list(body)
    finally:
        getattr(body, "close", lambda: None)()


def test_a_wsgi_application_runs_in_the_lane() -> None:
    def app(environ: Any, start: Any) -> Iterable[bytes]:
        return [str(lane.headers()).encode()]

    assert ask_wsgi(app, HTTP_X_LANE="canary", HTTP_BAGGAGE="a=1") == [FORWARDED.encode()]
    assert ask_wsgi(app) == [b"{}"]
    assert lane.current() is None


def test_a_wsgi_body_that_is_made_later_is_made_in_the_lane_and_closed_in_it() -> None:
    seen: list[str | None] = []

    def app(environ: Any, start: Any) -> Iterator[bytes]:
        try:
            for _ in range(2):
                seen.append(lane.current())
                yield b"x"
        finally:
            seen.append(lane.current())

    assert ask_wsgi(app, HTTP_BAGGAGE="lane=canary") == [b"x", b"x"]
    assert seen == ["canary"] * 3
    wanted: dict[str, Any] = {"HTTP_X_LANE": "blue"}
    setup_testing_defaults(wanted)
    body: Any = Wsgi(app)(wanted, lambda *_: lambda _: None)
    next(body)
    assert lane.current() is None
    body.close()
    assert seen[-2:] == ["blue", "blue"]


def test_lists_and_files_are_bodies_too(tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"some")
    answer: list[bytes] = [b"list"]
    wanted: dict[str, Any] = {}
    setup_testing_defaults(wanted)
    assert Wsgi(lambda *_: answer)(wanted, lambda *_: lambda _: None) is answer
    with (tmp_path / "file").open("rb") as file:
        assert ask_wsgi(lambda *_: FileWrapper(file)) == [b"some"]


def test_it_is_as_wsgi_wants_it() -> None:
    def app(environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [("content-type", "text/plain")])
        return iter([str(lane.current()).encode()])

    wanted: dict[str, Any] = {"HTTP_X_LANE": "canary", "QUERY_STRING": ""}
    setup_testing_defaults(wanted)
    body: Any = validator(Wsgi(validator(app)))(wanted, lambda *_: lambda _: None)
    assert list(body) == [b"canary"]
    body.close()


def test_a_wsgi_request_without_a_lane_does_not_run_in_that_of_the_server() -> None:
    with lane.use("blue"):
        assert ask_wsgi(lambda *_: [str(lane.current()).encode()]) == [b"None"]
        assert lane.current() == "blue"


# ASGI


async def show(_: Request) -> PlainTextResponse:
    return PlainTextResponse(str(lane.headers()))


def show_blocking(_: Request) -> PlainTextResponse:
    return PlainTextResponse(str(lane.headers()))


async def stream(_: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        for _ in range(2):
            await asyncio.sleep(0)
            yield f"{lane.current()} "

    return StreamingResponse(pieces())


after: list[str | None] = []


async def background(_: Request) -> PlainTextResponse:
    return PlainTextResponse("", background=BackgroundTask(lambda: after.append(lane.current())))


STARLETTE = Asgi(
    Starlette(
        routes=[
            Route("/show", show),
            Route("/blocking", show_blocking),
            Route("/stream", stream),
            Route("/background", background),
        ]
    )
)


async def ask_asgi(path: str, headers: dict[str, str]) -> str:
    transport = httpx.ASGITransport(app=STARLETTE)
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        return (await client.get(path, headers=headers)).text


@pytest.mark.parametrize("path", ["/show", "/blocking"])
async def test_an_asgi_application_runs_in_the_lane(path: str) -> None:
    assert await ask_asgi(path, CANARY) == FORWARDED
    assert await ask_asgi(path, {}) == "{}"
    assert lane.current() is None


async def test_an_asgi_body_that_is_made_later_is_made_in_the_lane() -> None:
    assert await ask_asgi("/stream", {"x-lane": "canary"}) == "canary canary "


async def test_background_tasks_run_in_the_lane() -> None:
    after.clear()
    await ask_asgi("/background", {"x-lane": "canary"})
    assert after == ["canary"]


async def test_an_asgi_request_without_a_lane_does_not_run_in_that_of_the_server() -> None:
    with lane.use("blue"):
        assert await ask_asgi("/show", {}) == "{}"


async def test_websockets_have_lanes_and_the_lifespan_has_none() -> None:
    seen: list[tuple[str, str | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["type"], lane.current()))

    async def nothing(*_: Any) -> Any:
        return {}

    wrapped = Asgi(app)
    await wrapped({"type": "lifespan"}, nothing, nothing)
    headers = [(b"x-lane", b"canary"), (b"\xff", b"\xff")]
    await wrapped({"type": "websocket", "headers": headers}, nothing, nothing)
    assert seen == [("lifespan", None), ("websocket", "canary")]


async def test_two_lines_of_the_lane_header_are_no_lane() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert lane.current() is None

    headers = [(b"x-lane", b"canary"), (b"x-lane", b"canary")]
    await Asgi(app)({"type": "http", "headers": headers}, None, None)  # type: ignore[arg-type]


# aiohttp


async def show_aiohttp(_: web.Request) -> web.Response:
    await asyncio.sleep(0)
    return web.Response(text=str(lane.headers()))


async def stream_aiohttp(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(str(lane.current()).encode())
    return response


async def fail_aiohttp(_: web.Request) -> web.Response:
    raise web.HTTPConflict(text=str(lane.current()))


@pytest.fixture
async def aiohttp_client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application(middlewares=[lane_middleware])
    app.add_routes(
        [
            web.get("/show", show_aiohttp),
            web.get("/stream", stream_aiohttp),
            web.get("/fail", fail_aiohttp),
        ]
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_an_aiohttp_server_runs_in_the_lane(
    aiohttp_client: TestClient[web.Request, web.Application],
) -> None:
    for path, expected in (("/show", FORWARDED), ("/stream", "canary"), ("/fail", "canary")):
        async with aiohttp_client.get(path, headers=CANARY) as answer:
            assert await answer.text() == expected
    # The same connection.
    async with aiohttp_client.get("/show") as answer:
        assert await answer.text() == "{}"
    async with aiohttp_client.get("/show", headers=[("x-lane", "a"), ("x-lane", "b")]) as answer:
        assert await answer.text() == "{}"


async def test_an_aiohttp_server_that_is_started_in_a_lane_does_not_give_it_to_requests() -> None:
    app = web.Application(middlewares=[lane_middleware])
    app.add_routes([web.get("/show", show_aiohttp)])
    with lane.use("blue"):
        async with TestClient(TestServer(app)) as client, client.get("/show") as answer:
            assert await answer.text() == "{}"


async def test_the_applications_own_baggage_stays_beside_the_lane() -> None:
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([lane.current(), baggage.get_baggage("mine")])

    with lane.attached(baggage.set_baggage("mine", "1")):
        await Asgi(app)({"type": "http", "headers": [(b"x-lane", b"blue")]}, None, None)  # type: ignore[arg-type]
    assert seen == ["blue", "1"]
