"""Where everything of one local mesh is: sockets, ports, configuration, logs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colorfast.policy import Workload

GATEWAY = "gateway"
SERVICE = "extproc"

_LONGEST_SOCKET = 100
"""Bytes of a socket's path; Linux takes 107, macOS 103."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names of what a mesh needs. Folders exist; files and sockets come later."""

    folder: Path
    gateway: int
    """The gateway's TCP port."""
    inbound: Mapping[str, int]
    """TCP port by workload, where its sidecar takes calls for it."""
    outbound: Mapping[str, int]
    """TCP port by workload, where its sidecar takes calls of it: the application's HTTP proxy."""

    def config(self, name: str) -> Path:
        """The configuration file of an Envoy."""
        return self.folder / "config" / f"{name}.json"

    def admin(self, name: str) -> Path:
        """The socket of an admin endpoint: the gateway's, a workload's sidecar's, the service's."""
        return self._socket(f"{name}.admin")

    def app(self, workload: Workload) -> Path:
        """The socket that an application listens on."""
        return self._socket(f"{workload.name}.app")

    @property
    def service(self) -> Path:
        """The socket that the ext_proc service listens on."""
        return self._socket(SERVICE)

    def _socket(self, name: str) -> Path:
        path = self.folder / name
        if len(bytes(path)) <= _LONGEST_SOCKET:
            return path
        return self.folder / hashlib.sha256(name.encode()).hexdigest()[:12]
