"""What an operator sets."""

from dataclasses import dataclass

from colorfast.extproc._logs import LogFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the service runs. Addresses are ``host:port`` (port 0: any) or ``unix:/path``.

    Raises ValueError for a time that is out of range.
    """

    policy: str
    """Path of the LanePolicy file."""
    listen: str = "127.0.0.1:50051"
    """Where Envoy calls."""
    admin: str | None = "127.0.0.1:8081"
    """Where admin HTTP listens; None for not at all."""
    drain_delay: float = 5.0
    """Seconds from NOT_SERVING to refusing streams: load balancers have to notice first."""
    grace: float = 10.0
    """Seconds that open streams may take to finish after that."""
    poll: float = 1.0
    """Seconds between two looks at the policy file."""
    log_format: LogFormat = "text"

    def __post_init__(self) -> None:
        if self.drain_delay < 0 or self.grace < 0:
            raise ValueError("drain_delay and grace must not be negative")
        if self.poll <= 0:
            raise ValueError("poll must be more than nothing")
