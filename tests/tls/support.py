"""What the tests of this room share: files, a service over TLS, clients of every kind."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from extproc.support import DEADLINE, ask, message, service, written

from colorfast.extproc import Running, Tls
from helpers.certificates import Authority, Pair

REQUEST = message([("agent", b"pc")])
ENVOY = "spiffe://cluster.local/ns/edge/sa/envoy"
SERVER = "colorfast.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """An authority, what it has signed for the server, and for a client."""

    authority: Authority
    server: Pair
    client: Pair

    def tls(self, *spiffe_ids: str, mutual: bool = True) -> Tls:
        return Tls(
            certificate=str(self.server.certificate),
            key=str(self.server.key),
            client_ca=str(self.authority.file) if mutual else None,
            spiffe_ids=spiffe_ids,
        )


def files(folder: Path) -> Files:
    authority = Authority(folder)
    server = authority.issue("server", SERVER)
    return Files(authority=authority, server=server, client=authority.issue("client", ENVOY))


@asynccontextmanager
async def tls_service(folder: Path, tls: Tls, **settings: Any) -> AsyncIterator[Running]:
    """The service at a port, over TLS."""
    chosen: dict[str, Any] = {"listen": "127.0.0.1:0", "tls": tls, "poll": 0.05}
    async with service(folder, **(chosen | settings)) as started:
        yield started


def channel(address: str, authority: Authority, client: Pair | None) -> grpc.aio.Channel:
    """A gRPC client that trusts *authority*, and shows *client*."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=authority.file.read_bytes(),
        private_key=client.key.read_bytes() if client else None,
        certificate_chain=client.certificate.read_bytes() if client else None,
    )
    options = (("grpc.ssl_target_name_override", SERVER), ("grpc.enable_retries", 0))
    return grpc.aio.secure_channel(address, credentials, options)


async def dyed(address: str, authority: Authority, client: Pair | None) -> bool:
    """Whether this client's request is answered; False when its call fails."""
    async with channel(address, authority, client) as one:
        try:
            answer = await ask(one, REQUEST)
        except (AssertionError, grpc.aio.AioRpcError):
            return False
    return written(answer)[0]["x-lane"] == b"canary"


def context(authority: Authority, client: Pair | None, *alpn: str) -> ssl.SSLContext:
    """A client's side of TLS that asks for *alpn*."""
    result = ssl.create_default_context(cafile=str(authority.file))
    if alpn:
        result.set_alpn_protocols(list(alpn))
    if client is not None:
        result.load_cert_chain(client.certificate, client.key)
    return result


async def greeted(address: str, tls: ssl.SSLContext) -> ssl.SSLObject | None:
    """Connect; the connection's TLS once the server has said something, None if it hangs up."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(DEADLINE):
        try:
            reader, writer = await asyncio.open_connection(
                host, int(port), ssl=tls, server_hostname=SERVER
            )
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            said = await reader.read(1)
        except OSError:
            return None
        found: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        writer.transport.abort()
    return found if said else None
