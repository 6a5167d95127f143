"""What an operator chooses about the ext_proc filter and its cluster."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Station: TypeAlias = Literal["dye", "carry"]
"""``dye`` at an entrance, ``carry`` at a hop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtProcOptions:
    """How Envoy talks to the Colorfast service. Raises ValueError for a value out of range."""

    station: Station = "dye"
    target: str = "127.0.0.1:50051"
    """Where the service listens: ``host:port`` or ``unix:/path``."""
    cluster: str = "colorfast"
    """Name of the Envoy cluster that leads to the service."""
    message_timeout: float = 0.2
    """Seconds a request waits for the service at most; 0.2 is Envoy's own default."""
    failure_mode_allow: bool = True
    """Let requests pass undyed when the service fails. False answers them with an error."""
    metadata: bool = False
    """Ask for the decision as dynamic metadata ``colorfast`` too, for logs. It costs some time."""
    stat_prefix: str = "colorfast"
    """Counters are ``http.<listener>.ext_proc.<stat_prefix>.*``; empty leaves the part out."""
    connect_timeout: float = 0.5
    """Seconds that a connection to the service may take to come up."""
    health_check: bool = False
    """Let Envoy call ``grpc.health.v1`` and fail at once while the service is not serving."""
    max_requests: int = 65_536
    """Requests that may be inside the service at once; above it they pass undyed."""

    def __post_init__(self) -> None:
        if self.station not in ("dye", "carry"):
            raise ValueError(f"station must be 'dye' or 'carry', not {self.station!r}")
        if self.message_timeout < 0.001 or self.connect_timeout < 0.001:
            raise ValueError("a timeout below a millisecond fails every request")
        if self.max_requests < 1:
            raise ValueError("max_requests below 1 fails every request")
