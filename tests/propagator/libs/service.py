"""A service that has every kind of server, and in its handlers calls on with any kind of client.

``GET /call/<client>`` on an HTTP server, or a gRPC call with the client's name as the request,
makes it call the sink, which answers with what it got; that is the answer. Nothing in a handler
speaks of lanes, unless SERVICE_OWN is set: then Colorfast's own middlewares and interceptors do
what OpenTelemetry's instrumentations do otherwise.

It says where its servers are in one line of JSON, and ends with its standard input.
"""

import asyncio
import json
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import django.core.wsgi
import fastapi
import flask
import grpc
import grpc.aio
import httpx
import requests
import urllib3
import uvicorn
from aiohttp import web
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool
from werkzeug.serving import make_server

from colorfast.propagator import asgi, grpc_aio, lane, wsgi
from colorfast.propagator import grpc as threaded_grpc
from colorfast.propagator.aiohttp import lane_middleware

HTTP_SINK, GRPC_SINK = os.environ["SERVICE_HTTP_SINK"], os.environ["SERVICE_GRPC_SINK"]
OWN = "SERVICE_OWN" in os.environ
METHOD = "/test.Echo/Call"


def headers() -> dict[str, str]:
    return lane.headers() if OWN else {}


# Clients.


def by_requests() -> str:
    return requests.get(HTTP_SINK, headers=headers(), timeout=10).text


def by_urllib3() -> str:
    return urllib3.PoolManager().request("GET", HTTP_SINK, headers=headers()).data.decode()


def by_urllib() -> str:
    asked = urllib.request.Request(HTTP_SINK, headers=headers())
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return str(answer.read().decode())


def by_httpx() -> str:
    with httpx.Client() as client:
        return client.get(HTTP_SINK, headers=headers()).text


async def by_async_httpx() -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(HTTP_SINK, headers=headers())).text


async def by_aiohttp() -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(HTTP_SINK, headers=headers()) as answer,
    ):
        return await answer.text()


def by_grpc() -> str:
    with grpc.insecure_channel(GRPC_SINK) as plain:
        channel = plain
        if OWN:
            channel = grpc.intercept_channel(plain, threaded_grpc.LaneClientInterceptor())
        call: Any = channel.unary_unary(METHOD)
        return bytes(call(b"", timeout=10)).decode()


async def by_async_grpc() -> str:
    interceptors = None
    if OWN:
        interceptors = grpc_aio.client_interceptors()
    async with grpc.aio.insecure_channel(GRPC_SINK, interceptors=interceptors) as channel:
        call: Any = channel.unary_unary(METHOD)
        return bytes(await call(b"", timeout=10)).decode()


def in_thread() -> str:
    answers: list[str] = []
    work = lambda: answers.append(by_requests())  # noqa: E731
    thread = threading.Thread(target=lane.bind(work) if OWN else work)
    thread.start()
    thread.join(10)
    return answers[0]


def in_executor() -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lane.bind(by_requests) if OWN else by_requests).result(10)


def in_timer() -> str:
    answers: list[str] = []
    work = lambda: answers.append(by_requests())  # noqa: E731
    timer = threading.Timer(0.01, lane.bind(work) if OWN else work)
    timer.start()
    timer.join(10)
    return answers[0]


async def in_asyncio_executor() -> str:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lane.bind(by_requests) if OWN else by_requests)


async def in_asyncio_task() -> str:
    return await asyncio.create_task(by_aiohttp())


async def in_asyncio_thread() -> str:
    return await asyncio.to_thread(by_requests)


THREADED: dict[str, Callable[[], str]] = {
    "requests": by_requests,
    "urllib3": by_urllib3,
    "urllib": by_urllib,
    "httpx": by_httpx,
    "grpc": by_grpc,
    "thread": in_thread,
    "executor": in_executor,
    "timer": in_timer,
}
ASYNCHRONOUS: dict[str, Callable[[], Awaitable[str]]] = {
    "httpx async": by_async_httpx,
    "aiohttp": by_aiohttp,
    "grpc.aio": by_async_grpc,
    "asyncio executor": in_asyncio_executor,
    "asyncio task": in_asyncio_task,
    "asyncio thread": in_asyncio_thread,
}


def through(client: str) -> str:
    """What the sink gets when a handler that blocks calls it."""
    if client in THREADED:
        return THREADED[client]()

    async def run() -> str:
        return await ASYNCHRONOUS[client]()

    return asyncio.run(run())


async def through_async(client: str) -> str:
    """What the sink gets when a coroutine calls it. A client that blocks gets a thread."""
    if client in THREADED:
        return await run_in_threadpool(THREADED[client])
    return await ASYNCHRONOUS[client]()


# Servers.


def serve_wsgi(app: Any) -> str:
    if OWN:
        app = wsgi.LaneMiddleware(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.port}"


def serve_flask() -> str:
    app = flask.Flask("service")
    app.get("/call/<client>")(through)
    return serve_wsgi(app)


def serve_django() -> str:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "service_django")
    return serve_wsgi(django.core.wsgi.get_wsgi_application())


async def serve_fastapi() -> str:
    app = fastapi.FastAPI(default_response_class=PlainTextResponse)
    app.get("/call/{client}")(through_async)
    app.get("/blocking/call/{client}")(through)
    served: Any = app
    if OWN:
        served = asgi.LaneMiddleware(app)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(served, log_level="warning", lifespan="on"))
    tasks.append(asyncio.create_task(server.serve(sockets=[listener])))
    while not server.started:  # noqa: ASYNC110 (it has nothing to wait for)
        await asyncio.sleep(0.01)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def serve_aiohttp() -> str:
    async def call(request: web.Request) -> web.Response:
        return web.Response(text=await through_async(request.match_info["client"]))

    # With OpenTelemetry's instrumentation, too: it keeps the span only.
    app = web.Application(middlewares=[lane_middleware])
    app.add_routes([web.get("/call/{client}", call)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def handlers(behaviour: Any) -> tuple[grpc.GenericRpcHandler]:
    handler: Any = grpc.unary_unary_rpc_method_handler(behaviour)
    return (grpc.method_handlers_generic_handler("test.Echo", {"Call": handler}),)


def serve_grpc() -> str:
    interceptors: list[Any] = []
    if OWN:
        interceptors = [threaded_grpc.LaneServerInterceptor()]
    server = grpc.server(ThreadPoolExecutor(4), interceptors=interceptors)
    server.add_generic_rpc_handlers(handlers(lambda name, _: through(name.decode()).encode()))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    kept.append(server)
    return f"127.0.0.1:{port}"


async def serve_async_grpc() -> str:
    async def call(name: bytes, _: Any) -> bytes:
        return (await through_async(name.decode())).encode()

    interceptors: list[Any] = []
    if OWN:
        interceptors = [grpc_aio.LaneServerInterceptor()]
    server = grpc.aio.server(interceptors=interceptors)
    server.add_generic_rpc_handlers(handlers(call))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    kept.append(server)
    return f"127.0.0.1:{port}"


tasks: list["asyncio.Task[None]"] = []
kept: list[object] = []


async def main() -> None:
    places = {
        "flask": serve_flask(),
        "django": serve_django(),
        "grpc": serve_grpc(),
        "fastapi": await serve_fastapi(),
        "aiohttp": await serve_aiohttp(),
        "grpc.aio": await serve_async_grpc(),
    }
    places["fastapi blocking"] = places["fastapi"] + "/blocking"
    sys.stdout.write(json.dumps(places) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    sys.stdout.flush()
    os._exit(0)  # the servers have nothing to finish


if __name__ == "__main__":
    sys.modules["service"] = sys.modules["__main__"]
    asyncio.run(main())
