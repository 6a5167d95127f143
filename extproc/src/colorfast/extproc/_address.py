"""Addresses to listen on: ``host:port``, ``[v6]:port``, ``unix:/path``.

gRPC says "Failed to bind" and no more, and it would take over a Unix socket that another process
still listens on. So an address is tried here first, and what the system says is passed on.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from colorfast.policy import ColorfastError

_UNIX = "unix:"
_PATIENCE = 1.0
"""Seconds to wait for whoever may listen on a Unix socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address to listen on: *path* of a Unix socket, else *host* and *port* (0: any)."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises ColorfastError (CF601) when *text* is not an address."""
        if text.startswith(_UNIX) and len(text) > len(_UNIX):
            return cls(path=text.removeprefix(_UNIX))
        host, colon, port = text.rpartition(":")
        plain = ":" not in host or (host.startswith("[") and host.endswith("]"))
        if colon and host and plain and port.isdecimal() and int(port) < 1 << 16:
            return cls(host=host.strip("[]"), port=int(port))
        raise cannot_bind(text, "it is not an address", "write host:port, [v6]:port or unix:/path")

    def __str__(self) -> str:
        if self.path:
            return _UNIX + self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def at(self, port: int) -> "Address":
        """This address with the *port* that was bound."""
        return self if self.path else replace(self, port=port)

    def of_worker(self, number: int) -> "Address":
        """The address of worker *number*: the port plus it, the path with it (``PATH.0``).

        Port 0 stays 0. Raises ColorfastError (CF601) when there is no such port.
        """
        if self.path:
            return replace(self, path=f"{self.path}.{number}")
        if self.port and self.port + number >= 1 << 16:
            why = f"worker {number} would need port {self.port + number}"
            raise cannot_bind(str(self), why, "choose a lower port, or fewer workers")
        return replace(self, port=self.port and self.port + number)

    def claim(self, *, shared: bool = False) -> None:
        """Make sure that nobody has this address; a socket file that was left behind is removed.

        With *shared* others that share the port too (SO_REUSEPORT) are no hindrance. Raises
        ColorfastError (CF601).
        """
        with self._told():
            if self.path:
                self._claim_path()
                return
            for trial in self._bound(shared=shared):
                with closing(trial):
                    if not shared:  # else it would be dealt connections
                        trial.listen(1)

    def bind(self, *, shared: bool = False, mode: int | None = None) -> list[socket.socket]:
        """Sockets at this address, after ``claim``: one, or one for each address of a host name.

        *mode* is a Unix socket's permissions; nobody can connect before it has them. Raises
        ColorfastError (CF601).
        """
        with self._told():
            if not self.path:
                return self._bound(shared=shared)
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.bind(self.path)
                self.permit(mode)
            except OSError:
                sock.close()
                raise
            return [sock]

    def permit(self, mode: int | None) -> None:
        """Give a Unix socket the permissions *mode*, if there are any. Raises OSError."""
        if self.path and mode is not None:
            Path(self.path).chmod(mode)

    def reserve(self) -> list[socket.socket]:
        """Sockets that keep this port for servers that share it; nobody can connect to them.

        Raises ColorfastError (CF601), when somebody else shares the port already, too.
        """
        self.claim()
        return self.bind(shared=True)

    def release(self) -> None:
        """Remove the socket file."""
        if self.path:
            with suppress(OSError):
                Path(self.path).unlink()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            raise cannot_bind(str(self), why, "choose another, or stop what has it") from None

    def _bound(self, *, shared: bool) -> list[socket.socket]:
        found = socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        socks: list[socket.socket] = []
        try:
            for family, kind, protocol, _, address in found:
                # Port 0 is any, but the same for all.
                port = socks[0].getsockname()[1] if socks else self.port
                with suppress(_NotHere):
                    socks.append(_socket(family, kind, protocol, (address[0], port), shared=shared))
        except OSError:
            for sock in socks:
                sock.close()
            raise
        if not socks:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        return socks

    def _claim_path(self) -> None:
        try:
            mode = Path(self.path).stat().st_mode
        except FileNotFoundError:
            # The trial tells of a folder that is missing or closed, and of a path too long.
            with closing(socket.socket(socket.AF_UNIX)) as trial:
                trial.bind(self.path)
        else:
            if not stat.S_ISSOCK(mode):
                raise FileExistsError(0, "there is a file that is not a socket")
            self._expect_nobody()
        os.unlink(self.path)  # noqa: PTH108 (raises for the caller)

    def _expect_nobody(self) -> None:
        with closing(socket.socket(socket.AF_UNIX)) as trial:
            trial.settimeout(_PATIENCE)
            result = trial.connect_ex(self.path)
        if result in (0, errno.EAGAIN, errno.ETIMEDOUT):  # the last two: it listens, and hangs
            raise OSError(0, "another process listens there")
        # Only this one says that nobody does. With EACCES, for one, somebody may.
        if result != errno.ECONNREFUSED:
            raise OSError(result, os.strerror(result))


class _NotHere(Exception):
    """This machine does not have such an address: ``localhost`` may stand for one too many."""


def _socket(
    family: int, kind: int, protocol: int, address: tuple[str | int, int], *, shared: bool
) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        # As servers do, so that connections in TIME_WAIT are no hindrance.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise _NotHere from None
        raise
    return sock


def cannot_bind(address: str, why: str, fix: str) -> ColorfastError:
    """The error that *address* cannot be bound."""
    return ColorfastError("CF601", f"cannot listen on {address}", why=why, fix=fix)
