"""Sockets that accept connections for a protocol: shared ports, permissions, TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from colorfast.extproc._address import Address
from colorfast.extproc._guard import Guard, reason_of

BACKLOG: Final = 1_024
"""Connections that may wait to be accepted."""

HANDSHAKE_WITHIN: Final = 10.0
"""Seconds that a TLS client may take to shake hands."""

MAX_HANDSHAKES: Final = 512
"""TLS handshakes at a time; further connections wait in the kernel's queue."""

_BREATH: Final = 0.05
"""Seconds to wait when no connection can be accepted: there is no file descriptor left."""

Factory: TypeAlias = Callable[[], asyncio.BaseProtocol]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How an address is opened. *socket_mode* is for Unix sockets; without *guard*, no TLS."""

    reuse_port: bool = False
    socket_mode: int | None = None
    guard: Guard | None = None


class Listener:
    """An address that is listened on, until ``close``."""

    def __init__(
        self, address: Address, servers: "Iterable[asyncio.AbstractServer | TlsServer]"
    ) -> None:
        self.address = address
        """With the port that was bound."""
        self._servers = tuple(servers)

    def close(self) -> None:
        """Accept no more; connections that are open stay so."""
        servers, self._servers = self._servers, ()
        for server in servers:
            server.close()
        if servers:  # only once: by now the path may be another's
            self.address.release()


async def listen(address: Address, factory: Factory, door: Door) -> Listener:
    """Accept connections at *address* for protocols of *factory*.

    Raises ColorfastError (CF601).
    """
    socks = address.bind(shared=door.reuse_port, mode=door.socket_mode)
    bound = address if address.path else address.at(socks[0].getsockname()[1])
    if door.guard is not None:
        return Listener(bound, [TlsServer(sock, factory, door.guard) for sock in socks])
    loop = asyncio.get_running_loop()
    # asyncio and uvloop want to be told by the method that it is a Unix socket.
    create = loop.create_unix_server if address.path else loop.create_server
    servers = [await create(factory, sock=sock, backlog=BACKLOG) for sock in socks]
    return Listener(bound, servers)


class TlsServer:
    """Listens on *sock*, which it owns; *factory* makes the protocols of who is let in.

    Each connection is given the context that is current when it comes, so certificates can change
    while it listens; ``loop.create_server`` keeps the one that it was made with.
    """

    def __init__(self, sock: socket.socket, factory: Factory, guard: Guard) -> None:
        self._sock = sock
        self._factory = factory
        self._guard = guard
        self._free = asyncio.Semaphore(MAX_HANDSHAKES)
        self._shaking: set[asyncio.Task[None]] = set()
        sock.setblocking(False)
        sock.listen(BACKLOG)
        self._task = asyncio.create_task(self._accept(), name="TLS listener")
        self._task.add_done_callback(lambda _: sock.close())

    def close(self) -> None:
        """Accept no more; connections that are open stay so."""
        for task in (self._task, *self._shaking):
            task.cancel()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._free.acquire()
            try:
                client, _ = await loop.sock_accept(self._sock)
            except OSError:
                self._free.release()
                await asyncio.sleep(_BREATH)
                continue
            task = asyncio.create_task(self._shake(client))
            self._shaking.add(task)
            task.add_done_callback(self._shaken)

    def _shaken(self, task: asyncio.Task[None]) -> None:
        self._shaking.discard(task)
        self._free.release()

    async def _shake(self, client: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Threshold(self._let_in),
                client,
                ssl=self._guard.certificates.context,
                ssl_handshake_timeout=HANDSHAKE_WITHIN,
            )
        except ssl.SSLError as error:
            self._guard.refuse(reason_of(error))
        except OSError:
            # It went away, or took too long. A probe that only looks who listens is such a client.
            self._guard.refuse("handshake", log=False)

    def _let_in(self, transport: asyncio.Transport) -> None:
        if not self._guard.admits(transport.get_extra_info("ssl_object")):
            transport.abort()
            return
        protocol = self._factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class _Threshold(asyncio.Protocol):
    """Stands where the real protocol will be, until it is known who calls."""

    def __init__(self, let_in: Callable[[asyncio.Transport], None]) -> None:
        self._let_in = let_in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's.
        self._let_in(cast("asyncio.Transport", transport))
