"""The files of TLS: what is wrong with them is told by name, before anything is served."""

import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tls.support import Files, files

from colorfast.extproc import Tls
from colorfast.extproc._tls import read, server_context
from colorfast.extproc._tls_facts import expiry
from colorfast.policy import ColorfastError


def fault(tls: Tls) -> ColorfastError:
    with pytest.raises(ColorfastError) as caught:
        server_context(tls, read(tls))
    assert caught.value.code == "CF622"
    return caught.value


def overwrite(which: str, content: bytes) -> Callable[[Files], None]:
    def spoil(made: Files) -> None:
        path: Path = {
            "certificate": made.server.certificate,
            "key": made.server.key,
            "ca": made.authority.file,
        }[which]
        path.write_bytes(content)

    return spoil


BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("spoil", "what", "why"),
    [
        (overwrite("certificate", b""), "server.pem", "no PEM certificate in it"),
        (overwrite("certificate", BROKEN), "server.pem", "OpenSSL says"),
        (overwrite("key", b"key"), "server.key.pem", "no PEM private key in it"),
        (overwrite("key", ENCRYPTED), "server.key.pem", "encrypted"),
        (overwrite("ca", b"ca"), "ca.pem", "no PEM certificate in it"),
        (overwrite("ca", BROKEN), "ca.pem", "OpenSSL says"),
        (lambda made: made.server.key.unlink(), "server.key.pem", "No such file"),
        (lambda made: made.authority.file.unlink(), "ca.pem", "No such file"),
        (
            lambda made: made.client.key.rename(made.server.key),
            "server.key.pem",
            "does not belong to the certificate in",
        ),
    ],
)
def test_a_fault_names_its_file(
    tmp_path: Path, spoil: Callable[[Files], None], what: str, why: str
) -> None:
    made = files(tmp_path)
    spoil(made)
    error = fault(made.tls())
    assert what in error.what
    assert why in error.why


def test_spiffe_ids_need_a_client_ca(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name their CA too"):
        files(tmp_path).tls("spiffe://td/x", mutual=False)


def test_a_spiffe_id_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no SPIFFE ID"):
        files(tmp_path).tls("https://td/x")


def test_the_context_is_as_strict_as_it_says(tmp_path: Path) -> None:
    tls = files(tmp_path).tls()
    context = server_context(tls, read(tls))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.num_tickets == 0
    old = [one["name"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.2"]
    assert all(name.startswith("ECDHE-") and ("GCM" in name or "POLY" in name) for name in old)


@pytest.mark.parametrize("days", [-2, 3])
@pytest.mark.parametrize("mutual", [True, False])
def test_the_end_of_a_certificate_is_read(tmp_path: Path, days: int, mutual: bool) -> None:
    made = files(tmp_path)
    made.authority.issue("server", "x.example", ends=timedelta(days=days))
    tls = made.tls(mutual=mutual)
    content = read(tls)
    found = expiry(server_context(tls, content), content.certificate)
    assert found == pytest.approx(time.time() + days * 86_400, abs=60)
