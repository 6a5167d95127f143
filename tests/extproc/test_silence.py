"""An API server whose watch says nothing any more, over a connection that never closes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from colorfast.extproc import ObjectName
from colorfast.extproc.kube import ObjectSource

NAME = ObjectName(namespace="shop", name="web")
WITHIN = 20.0


class ApiServer:
    """Lists one LanePolicy, and leaves every watch without an event, and open."""

    def __init__(self) -> None:
        self.default = "base"
        self.is_watched = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        assert self._server is not None
        self._server.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    if b"watch=true" in head.partition(b"\r\n")[0]:
                        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                        self.is_watched.set()
                        continue
                    body = json.dumps(self._listed()).encode()
                    length = b"content-length: %d\r\n" % len(body)
                    kind = b"content-type: application/json\r\n"
                    writer.write(b"HTTP/1.1 200 OK\r\n" + kind + length + b"\r\n" + body)
        finally:
            self._answering.discard(task)
            writer.close()

    def _listed(self) -> dict[str, Any]:
        group = {"apiVersion": "colorfast.dev/v1alpha1"}
        metadata = {"name": "web", "namespace": "shop", "generation": 1, "resourceVersion": "1"}
        spec = {"lanes": ["base", "canary"], "default": self.default}
        item = group | {"kind": "LanePolicy", "metadata": metadata, "spec": spec}
        version = {"resourceVersion": "1"}
        return group | {"kind": "LanePolicyList", "metadata": version, "items": [item]}


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiServer]:
    """It runs, and is the one that a client finds."""
    server = ApiServer()
    await server.start()
    cluster = {"name": "a", "cluster": {"server": f"http://127.0.0.1:{server.port}"}}
    user = {"name": "a", "user": {"token": "t"}}
    context = {"name": "a", "context": {"cluster": "a", "user": "a", "namespace": "shop"}}
    config = {"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "a"}
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    yield server
    await server.stop()


async def test_a_watch_that_has_died_silently_is_noticed(server: ApiServer) -> None:
    source = ObjectSource(NAME, wait=1.0, session=0.5)
    looks: asyncio.Queue[Any] = asyncio.Queue()
    following = asyncio.create_task(source.run(looks.put))
    try:
        async with asyncio.timeout(WITHIN):
            before = await looks.get()
            await server.is_watched.wait()
            server.default = "canary"
            while (after := await looks.get()).content == before.content:
                pass
        assert json.loads(after.content)["spec"]["default"] == "canary"
        assert after.again is False
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
