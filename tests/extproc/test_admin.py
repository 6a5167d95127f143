"""Admin HTTP and the metrics it shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from extproc.support import PC, ask, ending, message, service, start, until
from prometheus_client.parser import text_string_to_metric_families

from colorfast.extproc import Running
from helpers import policies

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@asynccontextmanager
async def admin(
    folder: Path, spec: str = PC
) -> AsyncIterator[tuple[Running, aiohttp.ClientSession]]:
    async with (
        service(folder, spec, admin="127.0.0.1:0") as running,
        aiohttp.ClientSession(f"http://{running.admin}") as session,
    ):
        yield running, session


async def fetch(session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with session.get(path) as answer:
        return answer.status, await answer.json()


async def scrape(session: aiohttp.ClientSession) -> Samples:
    async with session.get("/metrics") as answer:
        assert answer.content_type == "text/plain"
        text = await answer.text()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_healthz_says_alive_whatever_happens(folder: Path) -> None:
    async with admin(folder) as (running, session):
        running.health.serving = False
        assert await fetch(session, "/healthz") == (200, {"status": "alive"})


async def test_readyz_follows_serving(folder: Path) -> None:
    async with admin(folder) as (running, session):
        assert await fetch(session, "/readyz") == (200, {"status": "ready"})
        running.health.serving = False
        assert await fetch(session, "/readyz") == (503, {"status": "not serving"})


async def test_policy_shows_what_is_served(folder: Path) -> None:
    async with admin(folder) as (running, session):
        status, shown = await fetch(session, "/policy")
    policy = running.processor.engine.policy
    assert status == 200
    assert shown.pop("loadedAt").endswith("+00:00")
    assert shown == {
        "name": "shop",
        "digest": policy.digest,
        "source": str(folder / "policy.yaml"),
        "generation": None,
        "rules": 1,
        "warnings": [],
        "engine": {"dye": "native", "carry": "native"},
        "unforwarded": [],
        "lastRefusal": None,
    }


async def test_policy_shows_why_the_file_is_not_served(folder: Path) -> None:
    async with admin(folder) as (running, session):
        (folder / "policy.yaml").write_text(policies.file("default: nowhere"))
        await until(lambda: running.watcher.state.refusal)
        shown = (await fetch(session, "/policy"))[1]
    [diagnostic] = shown["lastRefusal"]["diagnostics"]
    assert shown["digest"] == running.processor.engine.policy.digest
    assert (diagnostic["code"], diagnostic["level"], diagnostic["line"]) == ("CF201", "error", 6)


async def test_policy_shows_warnings_and_what_envoy_does_not_send(folder: Path) -> None:
    spec = PC + "edge: {client: accept}\n"
    async with admin(folder, spec) as (running, session):
        async with grpc.aio.insecure_channel(running.address) as channel:
            await ask(channel, message(), ("colorfast-forwards", "baggage,x-lane,edge.drop"))
        shown = (await fetch(session, "/policy"))[1]
        assert (await scrape(session))["colorfast_extproc_unforwarded", ()] == 1.0
    assert [warning["code"] for warning in shown["warnings"]] == ["CF304"]
    assert shown["unforwarded"] == ["agent"]


@pytest.mark.parametrize("path", ["/", "/nope", "/policy/", "/metrics/x"])
async def test_anything_else_is_not_found_as_json(folder: Path, path: str) -> None:
    async with admin(folder) as (_, session):
        status, body = await fetch(session, path)
    assert (status, body["error"]) == (404, "Not Found")
    assert body["paths"] == ["/healthz", "/readyz", "/policy", "/metrics"]


async def test_nothing_can_be_changed(folder: Path) -> None:
    async with admin(folder) as (_, session), session.post("/policy") as answer:
        assert answer.status == 405
        assert answer.headers["allow"] == "GET,HEAD"
        assert answer.content_type == "application/json"


async def test_metrics_count_what_was_done(folder: Path) -> None:
    secret = "s3cret"
    async with (
        admin(folder) as (running, session),
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        await ask(channel, message([("agent", b"pc"), ("cookie", secret.encode())]))
        await ask(channel, message([("agent", b"pc"), ("baggage", b"a=\x01")]))
        await ending(channel, b"\xff")
        (folder / "policy.yaml").write_text(policies.file("default: nowhere"))
        await until(lambda: running.watcher.state.refusal)
        idle = start(channel)
        await idle.write(message())
        await idle.read()
        await until(lambda: running.processor.counters.streams_active == 1)
        samples = await scrape(session)
        idle.cancel()
    policy = running.processor.engine.policy
    headers = (("phase", "request_headers"), ("station", "dye"))
    duration = "colorfast_extproc_message_duration_seconds"
    assert (
        samples.items()
        >= {
            ("colorfast_extproc_messages_total", (("outcome", "dyed"), *headers)): 2.0,
            ("colorfast_extproc_messages_total", (("outcome", "undyed"), *headers)): 1.0,
            (
                "colorfast_extproc_messages_total",
                (("outcome", "refused"), ("phase", "unknown"), ("station", "dye")),
            ): 1.0,
            (
                "colorfast_extproc_decisions_total",
                (("lane", "canary"), ("rule", "pc-users"), ("station", "dye")),
            ): 2.0,
            ("colorfast_extproc_refused_values_total", ()): 1.0,
            ("colorfast_extproc_streams_active", ()): 1.0,
            ("colorfast_extproc_unforwarded", ()): 0.0,
            (f"{duration}_count", ()): 4.0,
            (f"{duration}_bucket", (("le", "+Inf"),)): 4.0,
            (
                "colorfast_policy_info",
                (("digest", policy.digest), ("name", "shop"), ("version", "0.1.0")),
            ): 1.0,
            ("colorfast_policy_reloads_total", (("result", "refused"),)): 1.0,
            ("colorfast_policy_reloads_total", (("result", "success"),)): 0.0,
            (
                "colorfast_policy_last_reload_success_timestamp_seconds",
                (),
            ): running.watcher.state.loaded_at,
        }.items()
    )
    assert (f"{duration}_bucket", (("le", "5e-05"),)) in samples
    assert (f"{duration}_bucket", (("le", "0.05"),)) in samples
    assert not any(secret in str(key) for key in samples)


async def test_metrics_speak_openmetrics_when_asked(folder: Path) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    async with admin(folder) as (_, session), session.get("/metrics", headers=accept) as answer:
        assert answer.content_type == "application/openmetrics-text"
        assert (await answer.text()).endswith("# EOF\n")


async def test_admin_can_be_on_a_unix_socket(folder: Path) -> None:
    async with service(folder, admin=f"unix:{folder}/admin") as running:
        connector = aiohttp.UnixConnector(f"{folder}/admin")
        async with aiohttp.ClientSession("http://admin", connector=connector) as session:
            assert (await fetch(session, "/healthz"))[0] == 200
        assert running.admin == f"unix:{folder}/admin"
    assert not (folder / "admin").exists()
