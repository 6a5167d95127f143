"""Who is let in over TLS, whichever transport serves; and who was not, for metrics and the log."""

import ssl
from typing import Any, Final

from colorfast.extproc._reports import Reports
from colorfast.extproc._spiffe import admitted
from colorfast.extproc._tls import ALPN, Tls
from colorfast.extproc._tls_state import Certificates
from colorfast.policy import ColorfastError

REASONS: Final = {
    "no_certificate": "it has no certificate",
    "bad_certificate": "its certificate is not valid, or of another CA",
    "spiffe_id": "its certificate has no SPIFFE ID that is allowed",
    "alpn": "it did not ask for HTTP/2 by ALPN",
    "refused_us": "it does not trust this server's certificate",
    "handshake": "it did not finish the TLS handshake",
}
"""Why clients are not let in, as metrics and as the log say it."""


class Guard:
    """Certificates, whom they are for, and who was refused. Raises ColorfastError (CF622)."""

    def __init__(self, tls: Tls, reports: Reports | None = None) -> None:
        self.certificates = Certificates(tls)
        self.refusals = dict.fromkeys(REASONS, 0)
        """Clients that were not let in, by reason."""
        self._reports = reports or Reports()

    def refuse(self, reason: str, *, log: bool = True) -> None:
        """Count one client more that was not let in, for one of ``REASONS``."""
        self.refusals[reason] += 1
        if log:
            what = f"a TLS client was refused: {REASONS[reason]}"
            fix = "colorfast_tls_refused_total counts them"
            self._reports.report(ColorfastError("CF624", what, fix=fix))

    def admits(self, tls: ssl.SSLObject) -> bool:
        """Whether a connection that has shaken hands is let in; one that is not is counted."""
        if tls.selected_alpn_protocol() != ALPN:
            self.refuse("alpn")
            return False
        return self.admits_uris(uris_of(tls.getpeercert()))

    def admits_uris(self, uris: tuple[str, ...]) -> bool:
        """Whether a client whose certificate has these URI names is; see ``admits``."""
        if admitted(uris, self.certificates.patterns):
            return True
        self.refuse("spiffe_id")
        return False


def uris_of(certificate: dict[str, Any] | None) -> tuple[str, ...]:
    """The URI names of a certificate as ``getpeercert`` gives it."""
    names = (certificate or {}).get("subjectAltName", ())
    return tuple(value for kind, value in names if kind == "URI")


def reason_of(error: ssl.SSLError) -> str:
    """Which of ``REASONS`` ended a handshake."""
    reason = error.reason or ""
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "no_certificate"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "bad_certificate"
    # What the client says of our certificate comes as an alert (RFC 8446 6.2).
    return "refused_us" if "ALERT" in reason else "handshake"
