"""The command line: flags of TLS, and what ends it."""

import subprocess
import sys
from pathlib import Path

import pytest
from extproc.support import DEADLINE
from tls.support import dyed, files

from helpers import policies
from helpers.processes import wait_until
from helpers.services import running_service


def flags(folder: Path) -> list[str]:
    made = files(folder)
    return [
        *("--tls-cert", str(made.server.certificate), "--tls-key", str(made.server.key)),
        *("--tls-client-ca", str(made.authority.file)),
        *("--tls-spiffe-id", "spiffe://cluster.local/ns/edge/*"),
    ]


def serve(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "p.yaml").write_text(policies.file())
    command = [sys.executable, "-m", "colorfast.cli", "serve", "--policy", f"{folder}/p.yaml"]
    command += ["--listen", f"unix:{folder}/ep", "--admin", "none", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=3 * DEADLINE, check=False
    )


@pytest.mark.parametrize("workers", [1, 2])
async def test_it_serves_tls_and_takes_new_files_over(
    folder: Path, transport: str, workers: int
) -> None:
    made = files(folder)
    options = [*flags(folder), "--transport", transport, "--workers", str(workers)]
    made = files(folder)
    rules = "rules: [{name: pc, match: [{headers: {agent: {exact: pc}}}], lane: canary}]"
    with running_service(folder, policies.file(rules), *options) as service:
        target = service.target if workers == 1 else f"{service.target}.1"
        assert await dyed(target, made.authority, made.client)
        made.authority.issue("server", "colorfast.example")
        reloads = 'colorfast_tls_reloads_total{result="success"}'
        wait_until(lambda: service.metric(reloads) == workers, "all have reloaded")
        assert await dyed(target, made.authority, made.client)
        stranger = made.authority.issue("stranger", "spiffe://cluster.local/ns/shop/sa/web")
        assert not await dyed(target, made.authority, stranger)
        assert service.metric('colorfast_tls_refused_total{reason="spiffe_id"}') >= 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_files_that_cannot_be_used_end_it(folder: Path, workers: str) -> None:
    arguments = flags(folder)
    (folder / "server.key.pem").unlink()
    ended = serve(folder, *arguments, "--workers", workers)
    assert ended.returncode == 1
    assert f"error CF622: the TLS key {folder}/server.key.pem cannot be used" in ended.stderr
    assert not (folder / "ep").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tls-cert", "c.pem"), "TLS takes --tls-cert and --tls-key"),
        (("--tls-client-ca", "c.pem"), "TLS takes --tls-cert and --tls-key"),
        (("--tls-cert", "c", "--tls-key", "k", "--tls-spiffe-id", "spiffe://x"), "their CA too"),
        (
            ("--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a", "--tls-spiffe-id", "x"),
            "is no SPIFFE ID",
        ),
        (("--socket-mode", "rw"), "is not octal"),
        (("--socket-mode", "1777"), "must be permissions"),
        (("--reuse-port",), "cannot be shared"),
    ],
)
def test_flags_that_do_not_go_together_are_usage(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    ended = serve(folder, *arguments)
    assert ended.returncode == 64
    assert said in ended.stderr
