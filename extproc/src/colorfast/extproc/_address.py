"""Addresses to listen on: ``host:port``, ``[v6]:port``, ``unix:/path``.

gRPC says "Failed to bind" and no more, and it would take over a Unix socket that another process
still listens on. So an address is tried here first, and what the system says is passed on.
"""

import os
import socket
import stat
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from colorfast.policy import ColorfastError

_UNIX = "unix:"


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

    def claim(self) -> None:
        """Make sure that nobody has this address; a socket file that was left behind is removed.

        Raises ColorfastError (CF601).
        """
        try:
            if self.path:
                self._claim_path()
            else:
                self._try_port()
        except OSError as error:
            why = error.strerror or str(error)
            raise cannot_bind(str(self), why, "choose another, or stop what has it") from None

    def release(self) -> None:
        """Remove the socket file."""
        if self.path:
            with suppress(OSError):
                Path(self.path).unlink()

    def _try_port(self) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, protocol)) as trial:
            # As servers do, so that connections in TIME_WAIT are no hindrance.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen(1)

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
            with closing(socket.socket(socket.AF_UNIX)) as trial:
                if trial.connect_ex(self.path) == 0:
                    raise OSError(0, "another process listens there")
        os.unlink(self.path)  # noqa: PTH108 (raises for the caller)


def cannot_bind(address: str, why: str, fix: str) -> ColorfastError:
    """The error that *address* cannot be bound."""
    return ColorfastError("CF601", f"cannot listen on {address}", why=why, fix=fix)
