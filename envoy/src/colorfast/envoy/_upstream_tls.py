"""TLS from Envoy to the Colorfast service."""

from dataclasses import dataclass

from colorfast.envoy._types import Json, typed

_MESSAGE = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_URI = "spiffe://"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTls:
    """How Envoy knows the service, and what it shows of itself. Raises ValueError.

    Paths are those where Envoy runs; the files are PEM. Envoy reads them once: rotate its own
    certificate by SDS, or restart it.
    """

    ca: str
    """Who signs the service's certificate."""
    names: tuple[str, ...]
    """Of these names the service's certificate must have one: DNS names, or SPIFFE IDs."""
    certificate: str | None = None
    """The chain that Envoy shows, for mTLS."""
    key: str | None = None
    """Its private key."""

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError(
                "without a name every certificate of the CA would pass for the service"
            )
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a client certificate and its key go together")


def transport_socket(tls: UpstreamTls) -> Json:
    """An ``envoy.config.core.v3.TransportSocket`` for a cluster."""
    common: Json = {
        "alpn_protocols": ["h2"],
        # A client's default ends at TLS 1.2.
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_2",
            "tls_maximum_protocol_version": "TLSv1_3",
        },
        "validation_context": {
            "trusted_ca": {"filename": tls.ca},
            "match_typed_subject_alt_names": [
                {"san_type": "URI" if name.startswith(_URI) else "DNS", "matcher": {"exact": name}}
                for name in tls.names
            ],
        },
    }
    if tls.certificate is not None:
        common["tls_certificates"] = [
            {
                "certificate_chain": {"filename": tls.certificate},
                "private_key": {"filename": tls.key},
            }
        ]
    context: Json = {"common_tls_context": common}
    host = next((name for name in tls.names if not name.startswith(_URI)), None)
    if host is not None:
        context["sni"] = host
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed(_MESSAGE, **context)}
