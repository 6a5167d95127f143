"""What an operator chooses about the filters of each backend, and the service's cluster."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from colorfast.envoy._releases import NEWEST, EnvoyVersion
from colorfast.envoy._upstream_tls import UpstreamTls

Station: TypeAlias = Literal["dye", "carry"]
"""``dye`` at an entrance, ``carry`` at a hop."""


def check_station(station: str) -> None:
    """Raise ValueError for what is no station."""
    if station not in get_args(Station):
        raise ValueError(f"station must be 'dye' or 'carry', not {station!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtProcOptions:
    """How Envoy talks to the Colorfast service. Raises ValueError for a value out of range."""

    station: Station = "dye"
    envoy: EnvoyVersion = NEWEST
    """The Envoy that the chain is for; older ones need a filter more."""
    target: str = "127.0.0.1:50051"
    """Where the service listens: ``host:port`` or ``unix:/path``."""
    endpoints: tuple[str, ...] = ()
    """Where else it listens, such as the other workers; requests go to all of them in turn."""
    retries: int | None = None
    """How often another instance is asked when one is gone; None: twice with ``endpoints``, else
    never. Worth setting for a name that stands for several addresses."""
    tls: UpstreamTls | None = None
    """None calls the service in plaintext."""
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

    @property
    def tries_again(self) -> int:
        """How often another instance is asked."""
        return self.retries if self.retries is not None else 2 if self.endpoints else 0

    def __post_init__(self) -> None:
        check_station(self.station)
        if self.retries is not None and self.retries < 0:
            raise ValueError("retries must not be negative")
        if self.message_timeout < 0.001 or self.connect_timeout < 0.001:
            raise ValueError("a timeout below a millisecond fails every request")
        if self.max_requests < 1:
            raise ValueError("max_requests below 1 fails every request")


DEFAULT_PROGRAM_SIZE = 100
"""Instructions of the largest RE2 program that Envoy takes where nobody sets a limit."""

ISTIO_PROGRAM_SIZE = 32_768
"""What Istio's proxies are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeOptions:
    """What an operator chooses about a native chain. Raises ValueError for what cannot be."""

    station: Station = "dye"
    max_program_size: int = ISTIO_PROGRAM_SIZE
    """Instructions of the largest RE2 program that the proxies take: the runtime value
    ``re2.max_program_size.error_level``, 32,768 in Istio's proxies, 100 where nobody sets it."""

    def __post_init__(self) -> None:
        check_station(self.station)
        if self.max_program_size < 1:
            raise ValueError("max_program_size below 1 takes no regex at all")
