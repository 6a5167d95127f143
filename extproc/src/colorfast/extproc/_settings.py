"""What an operator sets."""

from dataclasses import dataclass
from typing import Final

from colorfast.extproc._logs import LogFormat
from colorfast.extproc._tls import Tls
from colorfast.extproc._transport import TransportName

TRANSPORT: Final[TransportName] = "http2"
"""The transport that serves unless another one is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the service runs. Addresses are ``host:port`` (port 0: any) or ``unix:/path``.

    Raises ValueError for what is out of range.
    """

    policy: str
    """Path of the LanePolicy file."""
    listen: str = "127.0.0.1:50051"
    """Where Envoy calls."""
    admin: str | None = "127.0.0.1:8081"
    """Where admin HTTP listens; None for not at all."""
    transport: TransportName = TRANSPORT
    """Whose gRPC serves: this project's own HTTP/2, or Google's."""
    drain_delay: float = 5.0
    """Seconds from NOT_SERVING to refusing streams: load balancers have to notice first."""
    grace: float = 10.0
    """Seconds that open streams may take to finish after that."""
    poll: float = 1.0
    """Seconds between two looks at the policy file."""
    log_format: LogFormat = "text"
    workers: int = 1
    """Processes. With more than one, ``supervise`` runs them, each at an address of its own."""
    reuse_port: bool = False
    """Let several processes listen on one port; the kernel deals connections out to them."""
    socket_mode: int | None = None
    """Permissions of Unix sockets, 0o660 for instance; None leaves them to the umask."""
    tls: Tls | None = None
    """None serves plaintext."""

    def __post_init__(self) -> None:
        if self.drain_delay < 0 or self.grace < 0:
            raise ValueError("drain_delay and grace must not be negative")
        if self.poll <= 0:
            raise ValueError("poll must be more than nothing")
        if self.workers < 1:
            raise ValueError("workers must be at least 1")
        if self.reuse_port and self.listen.startswith("unix:"):
            raise ValueError("a Unix socket cannot be shared: reuse_port must go with a port")
        if self.socket_mode is not None and not 0 <= self.socket_mode <= 0o777:
            raise ValueError("socket_mode must be permissions: 0 to 0o777")
