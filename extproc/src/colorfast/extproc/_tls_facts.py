"""When a certificate ends. The standard library reads a certificate only from a handshake.

So the server's context shakes hands in memory with a client that trusts this very certificate.
"""

import ssl
from contextlib import suppress
from typing import Final

_END = "-----END CERTIFICATE-----"
_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: the date of one that has expired is to be told too."""


def expiry(server: ssl.SSLContext, chain: bytes) -> float | None:
    """When the first certificate of *chain*, PEM, ends, as Unix time; *server* presents it.

    None when that cannot be told, such as for a certificate that is not for servers.
    """
    leaf = chain.decode("ascii", "replace").partition(_END)[0] + _END
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    # In TLS 1.3 the client is done before the server has asked for a certificate of the client's.
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    client.set_alpn_protocols(["h2"])
    with suppress(ssl.SSLError, ValueError):
        client.load_verify_locations(cadata=leaf)
        return _not_after(_shaken(client, server))
    return None


def _shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    """The client's end of a handshake. Raises SSLError."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for end in (asking, answering):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    asking.do_handshake()
    return asking


def _not_after(end: ssl.SSLObject) -> float | None:
    date = (end.getpeercert() or {}).get("notAfter")
    return float(ssl.cert_time_to_seconds(date)) if isinstance(date, str) else None
