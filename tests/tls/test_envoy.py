"""A real Envoy that calls the service over mTLS, configured as ``compile`` does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from extproc.support import DEADLINE, edge, until
from tls.support import ENVOY, SERVER, Files, files, tls_service

from colorfast.envoy import ExtProcOptions, Json, UpstreamTls, extproc_cluster
from helpers import policies
from helpers.certificates import Pair

PC = (b"agent", b"pc")


def cluster(address: str, made: Files, client: Pair | None, *names: str) -> Json:
    """The compiled cluster of an Envoy that shows *client*, and expects one of *names*."""
    tls = UpstreamTls(
        ca=str(made.authority.file),
        names=names or (SERVER,),
        certificate=str(client.certificate) if client else None,
        key=str(client.key) if client else None,
    )
    return extproc_cluster(ExtProcOptions(target=address, tls=tls))


async def test_envoy_is_answered_over_mutual_tls(folder: Path, transport: str) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(ENVOY), transport=transport) as running:
        asked = cluster(running.address, made, made.client)
        async with edge(folder, running.address, cluster=asked) as envoy:
            for _ in range(3):
                assert (await envoy.send(PC)).header(b"x-lane") == [b"canary"]
            ssl = await envoy.stats("cluster.colorfast.ssl")
    assert ssl["handshake"] == 1
    assert ssl.get("no_certificate", 0) == 0


async def test_envoy_knows_the_service_by_its_spiffe_id(folder: Path) -> None:
    made = files(folder)
    name = "spiffe://cluster.local/ns/mesh/sa/colorfast"
    made.authority.issue("server", name)
    async with tls_service(folder, made.tls(ENVOY), transport="http2") as running:
        asked = cluster(running.address, made, made.client, name)
        async with edge(folder, running.address, cluster=asked) as envoy:
            assert (await envoy.send(PC)).header(b"x-lane") == [b"canary"]


async def refused(folder: Path, made: Files, asked: dict[str, Any], address: str) -> None:
    """See that an Envoy with the cluster *asked* has its requests answered with an error."""
    async with edge(folder, address, cluster=asked) as envoy:
        with pytest.raises(AssertionError, match="500 Internal Server Error"):
            await envoy.send(PC)


async def test_an_envoy_that_is_not_allowed_is_not_answered(folder: Path, transport: str) -> None:
    made = files(folder)
    other = made.authority.issue("other", "spiffe://cluster.local/ns/shop/sa/web")
    async with tls_service(folder, made.tls(ENVOY), transport=transport) as running:
        await refused(folder, made, cluster(running.address, made, other), running.address)
        await until(lambda: running.guard and running.guard.refusals["spiffe_id"])


async def test_an_envoy_without_a_certificate_is_not_answered(folder: Path, transport: str) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport=transport) as running:
        await refused(folder, made, cluster(running.address, made, None), running.address)


async def test_envoy_refuses_a_service_of_another_name(folder: Path) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(), transport="http2") as running:
        asked = cluster(running.address, made, made.client, "other.example")
        await refused(folder, made, asked, running.address)
        await until(lambda: running.guard and running.guard.refusals["refused_us"])


async def test_no_request_fails_while_the_certificate_changes(folder: Path, transport: str) -> None:
    made = files(folder)
    async with tls_service(folder, made.tls(ENVOY), transport=transport) as running:
        asked = cluster(running.address, made, made.client)
        async with edge(folder, running.address, cluster=asked) as envoy:
            for number in range(3):
                made.authority.issue("server", SERVER)
                guard = running.guard
                assert guard is not None
                await until(lambda: guard.certificates.results["success"] == number + 1)  # noqa: B023
                assert (await envoy.send(PC)).header(b"x-lane") == [b"canary"]


def test_compile_writes_what_envoy_needs(folder: Path) -> None:
    made = files(folder)
    (folder / "p.yaml").write_text(policies.file())
    command = [sys.executable, "-m", "colorfast.cli", "compile", f"{folder}/p.yaml"]
    command += ["--to", "extproc", "--service", "127.0.0.1:9000", "--service", "127.0.0.1:9001"]
    command += ["--service-tls-ca", str(made.authority.file), "--service-tls-name", SERVER]
    command += ["--service-tls-cert", str(made.client.certificate)]
    command += ["--service-tls-key", str(made.client.key)]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=True)
    [compiled] = yaml.safe_load(done.stdout)["clusters"]
    expected = cluster("127.0.0.1:9000", made, made.client)
    assert compiled["transport_socket"] == expected["transport_socket"]


@pytest.mark.parametrize(
    "wrong", [{"names": ()}, {"certificate": "c.pem"}, {"key": "k.pem"}], ids=str
)
def test_tls_that_would_prove_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"would pass|go together"):
        UpstreamTls(**({"ca": "ca.pem", "names": (SERVER,)} | wrong))
