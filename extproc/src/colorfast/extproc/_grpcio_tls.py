"""TLS on grpc.aio. It shakes hands by itself, so a SPIFFE ID is looked at call by call."""

from typing import Any

import grpc

from colorfast.extproc._guard import Guard


def credentials(guard: Guard) -> grpc.ServerCredentials:
    """What *guard* has at the moment of each handshake."""
    served: object = guard.certificates.content

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal served
        if guard.certificates.content is served:
            return None
        served = guard.certificates.content
        return _configuration(guard)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(guard),
        changed,  # type: ignore[arg-type]  # None says that nothing has
        require_client_authentication=guard.certificates.tls.client_ca is not None,
    )


async def admit(guard: Guard | None, context: "grpc.aio.ServicerContext[Any, Any]") -> None:
    """End the call of a client that *guard* does not let in, with UNAUTHENTICATED."""
    if guard is None or not guard.certificates.patterns:
        return
    uris = tuple(uri.decode() for uri in context.auth_context().get("peer_uri", ()))
    if not guard.admits_uris(uris):
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this SPIFFE ID is not let in")


def _configuration(guard: Guard) -> grpc.ServerCertificateConfiguration:
    content = guard.certificates.content
    pair = (content.key, content.certificate)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=content.client_ca)
