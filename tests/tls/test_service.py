"""TLS and mTLS with real clients, on both transports: who is let in, and who is told apart."""

import asyncio
import logging
import ssl
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from extproc.support import ask, ending, until
from prometheus_client import generate_latest
from tls.support import (
    ENVOY,
    REQUEST,
    Files,
    channel,
    context,
    dyed,
    files,
    greeted,
    tls_service,
)

from colorfast.extproc import Tls, _listening
from colorfast.extproc._metrics import registry
from colorfast.extproc._tls import read
from helpers.certificates import Authority, Pair

EDGE = "spiffe://cluster.local/ns/edge/*"


async def test_requests_are_answered_over_tls(folder: Path, transport: str) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(mutual=False), transport=transport) as running:
        assert await dyed(running.address, made.authority, None)


async def test_plaintext_is_not(folder: Path, transport: str) -> None:
    made = files(folder)
    async with (
        tls_service(folder, made.tls(mutual=False), transport=transport) as running,
        grpc.aio.insecure_channel(running.address) as client,
    ):
        assert await ending(client, REQUEST) is grpc.StatusCode.UNAVAILABLE


async def test_a_unix_socket_can_speak_tls(folder: Path, transport: str) -> None:
    made = files(folder)
    where = f"unix:{folder}/ep"
    async with tls_service(folder, made.tls(), listen=where, transport=transport):
        assert await dyed(where, made.authority, made.client)
        assert not await dyed(where, made.authority, None)


async def test_tls_1_1_is_refused_and_1_2_is_not(folder: Path, transport: str) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(mutual=False), transport=transport) as running:
        assert await greeted(running.address, old(made, ssl.OP_NO_TLSv1_2)) is None
        assert await greeted(running.address, old(made, ssl.OP_NO_TLSv1_1)) is not None


def old(made: Files, without: ssl.Options) -> ssl.SSLContext:
    """A client of TLS 1.1 and 1.2, less the one that is left out."""
    client = context(made.authority, None, "h2")
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        client.minimum_version = ssl.TLSVersion.TLSv1_1
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.options |= without
    return client


# Who is let in.

Client = Callable[[Path, Files], "tuple[Authority, Pair | None]"]


def nobody(_: Path, made: Files) -> tuple[Authority, None]:
    return made.authority, None


def stranger(folder: Path, made: Files) -> tuple[Authority, Pair]:
    return made.authority, Authority(folder, "strange").issue("stranger", ENVOY)


def expired(_: Path, made: Files) -> tuple[Authority, Pair]:
    return made.authority, made.authority.issue("old", ENVOY, ends=timedelta(days=-1))


def colleague(_: Path, made: Files) -> tuple[Authority, Pair]:
    return made.authority, made.authority.issue("other", "spiffe://cluster.local/ns/shop/sa/web")


def twofold(_: Path, made: Files) -> tuple[Authority, Pair]:
    return made.authority, made.authority.issue("two", ENVOY, "spiffe://cluster.local/ns/edge/b")


def nameless(_: Path, made: Files) -> tuple[Authority, Pair]:
    return made.authority, made.authority.issue("none", "edge.example")


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (nobody, "no_certificate"),
        (stranger, "bad_certificate"),
        (expired, "bad_certificate"),
        (colleague, "spiffe_id"),
        (twofold, "spiffe_id"),
        (nameless, "spiffe_id"),
    ],
)
async def test_who_is_not_let_in(
    folder: Path,
    transport: str,
    who: Client,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(EDGE), transport=transport) as running:
        assert await dyed(running.address, made.authority, made.client)
        caplog.clear()
        assert not await dyed(running.address, *who(folder, made))
        assert await dyed(running.address, made.authority, made.client)
        assert running.processor.counters.streams_active <= 1
        assert running.guard is not None
        refused = {key for key, count in running.guard.refusals.items() if count}
        said = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    # gRPC shakes hands by itself, and tells nobody how that went.
    told = transport == "http2" or reason == "spiffe_id"
    assert refused == ({reason} if told else set())
    assert [line[:5] for line in said] == (["CF624"] if told else [])
    assert "spiffe:" not in "".join(said)


async def test_without_an_allow_list_the_authority_decides(folder: Path, transport: str) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport=transport) as running:
        assert await dyed(running.address, *nameless(folder, made))
        assert not await dyed(running.address, *stranger(folder, made))


async def test_health_is_for_those_who_are_let_in(folder: Path, transport: str) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(EDGE), transport=transport) as running:
        assert await checked(running.address, made.authority, made.client) is grpc.StatusCode.OK
        said = await checked(running.address, *colleague(folder, made))
    # One hangs up before there is a call, the other ends the call.
    refusals = {"http2": "UNAVAILABLE", "grpcio": "UNAUTHENTICATED"}
    assert said.name == refusals[transport]


async def checked(address: str, authority: Authority, pair: Pair | None) -> grpc.StatusCode:
    async with channel(address, authority, pair) as client:
        return await ending(client, b"", method="/grpc.health.v1.Health/Check")


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
async def test_a_client_that_does_not_ask_for_http2_is_refused(
    folder: Path, alpn: tuple[str, ...]
) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(mutual=False), transport="http2") as running:
        assert await greeted(running.address, context(made.authority, None, *alpn)) is None
        assert running.guard is not None
        await until(lambda: running.guard and running.guard.refusals["alpn"] == 1)
        found = await greeted(running.address, context(made.authority, None, "http/1.1", "h2"))
        assert found is not None
        assert found.selected_alpn_protocol() == "h2"


async def test_who_only_looks_is_counted_and_not_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport="http2") as running:
        caplog.clear()
        host, _, port = running.address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
        await writer.wait_closed()
        await until(lambda: running.guard and running.guard.refusals["handshake"] == 1)
    assert "CF624" not in caplog.text


async def test_who_never_shakes_hands_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two may shake hands at a time; two that do not hold up the third until their time is over."""
    monkeypatch.setattr(_listening, "HANDSHAKE_WITHIN", 0.2)
    monkeypatch.setattr(_listening, "MAX_HANDSHAKES", 2)
    made = files(folder)
    async with tls_service(folder, made.tls(), transport="http2") as running:
        host, _, port = running.address.rpartition(":")
        silent = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        assert await dyed(running.address, made.authority, made.client)
        assert running.guard is not None
        assert running.guard.refusals["handshake"] == len(silent)
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()


async def test_refusals_are_logged_once_a_minute(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport="http2") as running:
        for _ in range(5):
            await greeted(running.address, context(made.authority, None, "h2"))
        await until(lambda: running.guard and running.guard.refusals["no_certificate"] == 5)
    assert caplog.text.count("CF624") == 1


async def test_no_session_is_resumed(folder: Path) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport="http2") as running:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = context(made.authority, made.client, "h2")
            client.maximum_version = version
            found = await greeted(running.address, client)
            assert found is not None
            assert found.session is None or not found.session.has_ticket


# The files change.


async def serves(address: str, made: Files) -> str:
    """The DNS name of the certificate that the server shows."""
    client = context(made.authority, made.client, "h2")
    client.check_hostname = False
    found = await greeted(address, client)
    assert found is not None
    names = (found.getpeercert() or {}).get("subjectAltName", ())
    return str(names[0][1])


async def test_a_new_certificate_is_for_new_connections(folder: Path, transport: str) -> None:
    made = files(folder)
    async with (
        tls_service(folder, made.tls(), transport=transport) as running,
        channel(running.address, made.authority, made.client) as before,
    ):
        await ask(before, REQUEST)
        guard = running.guard
        assert guard is not None
        ends = guard.certificates.expires
        made.authority.issue("server", "renewed.example", ends=timedelta(days=2))
        await until(lambda: guard.certificates.results["success"] == 1)
        assert await serves(running.address, made) == "renewed.example"
        await ask(before, REQUEST)
        assert ends is not None
        assert (guard.certificates.expires or 0) > ends


async def test_a_mounted_secret_is_swapped_as_a_whole(folder: Path) -> None:
    """As the kubelet does it: the files are links through ``..data``, which is put elsewhere."""
    for version in ("one", "two"):
        (folder / version).mkdir()
        files(folder / version).authority.issue("server", f"{version}.example")
    mount = folder / "..data"
    mount.symlink_to("one")
    one, two = files_at(folder / "one"), files_at(folder / "two")
    tls = files_at(mount)
    async with tls_service(folder, tls, transport="http2") as running:
        guard = running.guard
        assert guard is not None
        assert guard.certificates.content == read(one)
        (folder / "..data.new").symlink_to("two")
        (folder / "..data.new").rename(mount)
        await until(lambda: guard.certificates.results["success"] == 1)
        assert guard.certificates.content == read(two)


def files_at(folder: Path) -> Tls:
    """What ``files`` has put into *folder*."""
    return Tls(
        certificate=f"{folder}/server.pem",
        key=f"{folder}/server.key.pem",
        client_ca=f"{folder}/ca.pem",
    )


@pytest.mark.parametrize("breakage", ["gone", "half", "garbage"])
async def test_files_that_break_change_nothing(
    folder: Path, transport: str, breakage: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport=transport) as running:
        certificates = running.guard and running.guard.certificates
        assert certificates
        match breakage:
            case "gone":
                made.server.key.unlink()
            case "half":
                other = made.authority.issue("other", "x.example")
                made.server.certificate.write_bytes(other.certificate.read_bytes())
            case _:
                made.server.certificate.write_bytes(b"garbage")
        await until(lambda: certificates.results["refused"] == 1)
        assert await serves(running.address, made) == "colorfast.example"
        assert caplog.text.count("CF623") == 1
        made.authority.issue("server", "mended.example")
        await until(lambda: certificates.results["success"] == 1)
        assert await serves(running.address, made) == "mended.example"


async def test_another_client_ca_takes_the_place_of_the_old_one(
    folder: Path, transport: str
) -> None:
    made = files(folder)
    other = Authority(folder, "next")
    newcomer = other.issue("newcomer", ENVOY)
    async with tls_service(folder, made.tls(), transport=transport) as running:
        guard = running.guard
        assert guard is not None
        trusted = Authority.__new__(Authority)
        trusted.file = folder / "kept.pem"
        trusted.file.write_bytes(made.authority.file.read_bytes())
        made.authority.file.write_bytes(other.file.read_bytes())
        await until(lambda: guard.certificates.results["success"] == 1)
        assert await dyed(running.address, trusted, newcomer)
        assert not await dyed(running.address, trusted, made.client)


async def test_a_reload_can_be_asked_for(folder: Path) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport="http2", poll=3600.0) as running:
        guard = running.guard
        assert guard is not None
        made.authority.issue("server", "renewed.example")
        running.reload()
        await until(lambda: guard.certificates.results["success"] == 1)


async def test_an_expired_certificate_is_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = files(folder)
    made.authority.issue("server", "colorfast.example", ends=timedelta(days=-1))
    async with tls_service(folder, made.tls(), transport="http2") as running:
        assert "CF625" in caplog.text
        shown = generate_latest(registry(running.processor, running.watcher, running.guard))
    assert b"colorfast_tls_certificate_expiry_timestamp_seconds" in shown
    assert b'colorfast_tls_refused_total{reason="alpn"} 0.0' in shown
    assert b'colorfast_tls_reloads_total{result="success"} 0.0' in shown
