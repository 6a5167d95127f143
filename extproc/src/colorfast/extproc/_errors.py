"""What can go wrong while serving, and what is raised for it."""

from typing import Final

from colorfast.policy import ColorfastError

CODES: Final = {
    "CF601": ("error", "address cannot be bound"),
    "CF602": ("error", "policy reload refused"),
    "CF603": ("warning", "Envoy was configured for another policy"),
    "CF604": ("warning", "message is not a ProcessingRequest"),
    "CF605": ("warning", "station does not exist"),
    "CF606": ("warning", "peer breaks HTTP/2"),
    "CF607": ("warning", "peer floods its connection"),
    "CF608": ("error", "native core disagrees with the reference"),
    "CF620": ("error", "a worker has died"),
    "CF622": ("error", "TLS files cannot be used"),
    "CF623": ("error", "reload of TLS files refused"),
    "CF624": ("warning", "TLS client was refused"),
    "CF625": ("warning", "TLS certificate has expired"),
    "CF630": ("error", "LanePolicy is not there"),
    "CF631": ("error", "API server cannot be asked"),
    "CF632": ("error", "policy comes from the cache"),
    "CF633": ("warning", "status cannot be written"),
    "CF634": ("error", "client of Kubernetes is not installed"),
}
"""Every code of this room: its level and its title. docs/diagnostics.md has an entry for each."""

INVALID_ARGUMENT: Final = 3
"""The gRPC status code of that name."""


def client_is_missing(wanted: str, error: ModuleNotFoundError) -> ColorfastError:
    """What to raise when a cluster is to be asked for *wanted*, and its client is not there."""
    return ColorfastError(
        "CF634",
        f"{wanted} needs {error.name}, which is not installed",
        fix="pip install 'colorfast[kubernetes]'",
    )


class PeerError(ColorfastError):
    """What a peer sent cannot be answered. *grpc_status* is the status code to end its call with.

    The message never holds what the peer sent.
    """

    def __init__(
        self, code: str, what: str, *, why: str = "", fix: str = "", grpc_status: int
    ) -> None:
        super().__init__(code, what, why=why, fix=fix)
        self.grpc_status = grpc_status
