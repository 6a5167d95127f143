"""TLS and mTLS: the files, what they make, and what is wrong with them.

Whatever transport serves, the files are read and tried here first, so that a fault is told by name
and before anything is served: OpenSSL's own words would be "PEM lib" for most of them.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from colorfast.extproc._spiffe import SpiffePattern
from colorfast.policy import ColorfastError

ALPN: Final = "h2"
"""What both sides have to agree on: gRPC is HTTP/2 (RFC 9113 3.2)."""

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: HTTP/2 forbids the rest (RFC 9113 9.2.2, appendix A)."""

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_KEY = b"PRIVATE KEY-----"
_ENCRYPTED = b"ENCRYPTED"
_MISMATCH = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Paths of PEM files, and who is let in. Raises ValueError.

    *client_ca* makes client certificates a must; *spiffe_ids* are IDs or ``.../*`` of which the
    client's certificate has to have one.
    """

    certificate: str
    key: str
    client_ca: str | None = None
    spiffe_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.spiffe_ids and self.client_ca is None:
            raise ValueError("SPIFFE IDs are read from client certificates: name their CA too")
        for text in self.spiffe_ids:
            SpiffePattern.parse(text)

    @property
    def patterns(self) -> tuple[SpiffePattern, ...]:
        """The *spiffe_ids*, parsed."""
        return tuple(map(SpiffePattern.parse, self.spiffe_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsContent:
    """What the files held when they were read together."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None


def read(tls: Tls) -> TlsContent:
    """The files' content. Raises ColorfastError (CF622)."""
    return TlsContent(
        certificate=_read(tls.certificate, "certificate"),
        key=_read(tls.key, "key"),
        client_ca=None if tls.client_ca is None else _read(tls.client_ca, "client CA"),
    )


def server_context(tls: Tls, content: TlsContent) -> ssl.SSLContext:
    """A context for *tls*, whose files hold *content*. Raises ColorfastError (CF622).

    TLS 1.2 at least, ALPN ``h2``. Sessions are never resumed: a certificate that is not trusted any
    more, or whose SPIFFE ID was struck off, would get in by its session.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols([ALPN])
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    _load_pair(context, tls, content)
    if tls.client_ca is not None and content.client_ca is not None:
        _load_authority(context, tls.client_ca, content.client_ca)
    return context


def _load_pair(context: ssl.SSLContext, tls: Tls, content: TlsContent) -> None:
    if _CERTIFICATE not in content.certificate:
        raise _unusable(tls.certificate, "certificate", "there is no PEM certificate in it")
    if _KEY not in content.key:
        raise _unusable(tls.key, "key", "there is no PEM private key in it")
    if _ENCRYPTED in content.key:
        raise _unusable(tls.key, "key", "it is encrypted, and there is nobody to ask")
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except ssl.SSLError as error:
        if error.reason in _MISMATCH:
            why = f"it does not belong to the certificate in {tls.certificate}"
            raise _unusable(tls.key, "key", why) from None
        why = f"OpenSSL says {error.reason or 'that it is damaged'}"
        raise _unusable(tls.certificate, "certificate or its key", why) from None
    except OSError as error:
        raise _unusable(tls.certificate, "certificate or its key", str(error)) from None


def _load_authority(context: ssl.SSLContext, path: str, content: bytes) -> None:
    if _CERTIFICATE not in content:
        raise _unusable(path, "client CA", "there is no PEM certificate in it")
    try:
        context.load_verify_locations(cadata=content.decode("ascii", "replace"))
    except ssl.SSLError as error:
        why = f"OpenSSL says {error.reason or 'that it is damaged'}"
        raise _unusable(path, "client CA", why) from None
    context.verify_mode = ssl.CERT_REQUIRED


def _read(path: str, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unusable(path, what, error.strerror or str(error)) from None


def _unusable(path: str, what: str, why: str) -> ColorfastError:
    return ColorfastError(
        "CF622",
        f"the TLS {what} {path} cannot be used",
        why=why,
        fix="give PEM files that belong together, readable for the user that serves",
    )
