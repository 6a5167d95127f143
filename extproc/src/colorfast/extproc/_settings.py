"""What an operator sets."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from colorfast.extproc._logs import LogFormat
from colorfast.extproc._object_name import ObjectName
from colorfast.extproc._tls import Tls
from colorfast.extproc._transport import TransportName

EngineName: TypeAlias = Literal["native", "python"]
"""What decides: the native core wherever it can, or the reference alone."""

TRANSPORT: Final[TransportName] = "http2"
"""The transport that serves unless another one is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the service runs. Addresses are ``host:port`` (port 0: any) or ``unix:/path``.

    Raises ValueError for what is out of range.
    """

    policy: str
    """The LanePolicy: a file's path, or ``k8s://NAMESPACE/NAME``."""
    policy_wait: float = 20.0
    """Seconds that a start waits for an object that cannot be had."""
    policy_cache: str | None = None
    """File that keeps the last good object, for a start while it cannot be had."""
    listen: str = "127.0.0.1:50051"
    """Where Envoy calls."""
    admin: str | None = "127.0.0.1:8081"
    """Where admin HTTP listens; None for not at all."""
    transport: TransportName = TRANSPORT
    """Whose gRPC serves: this project's own HTTP/2, or Google's."""
    engine: EngineName = "native"
    """What decides; a policy or a machine that the native core is not for is decided in Python."""
    drain_delay: float = 5.0
    """Seconds from NOT_SERVING to refusing streams: load balancers have to notice first."""
    grace: float = 10.0
    """Seconds that open streams may take to finish after that."""
    poll: float = 1.0
    """Seconds between two looks at a policy file."""
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
        if self.policy.startswith(ObjectName.SCHEME):
            ObjectName.parse(self.policy)
        elif self.policy_cache is not None:
            raise ValueError("policy_cache goes with k8s://NAMESPACE/NAME")
        if self.policy_wait < 0:
            raise ValueError("policy_wait must not be negative")
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
