"""What is compiled for several addresses of the service."""

from typing import Any

import pytest

from colorfast.envoy import ExtProcOptions, Json, ext_proc_chain, extproc_cluster
from helpers import policies


def options(*endpoints: str, **more: Any) -> ExtProcOptions:
    return ExtProcOptions(target="127.0.0.1:9000", endpoints=endpoints, **more)


def service_of(chosen: ExtProcOptions) -> Json:
    """The filter's ``grpc_service``."""
    [dye, *_] = ext_proc_chain(policies.policy(), chosen).filters
    found: Json = dye["typed_config"]["grpc_service"]
    return found


def most_retries(chosen: ExtProcOptions) -> int | None:
    [threshold] = extproc_cluster(chosen)["circuit_breakers"]["thresholds"]
    limit: int | None = threshold.get("max_retries")
    return limit


def test_one_address_is_not_asked_twice() -> None:
    assert "retry_policy" not in service_of(options())
    assert most_retries(options()) is None


@pytest.mark.parametrize(
    ("chosen", "times"),
    [(options("127.0.0.1:9001"), 2), (options(retries=1), 1), (options("[::1]:1", retries=5), 5)],
)
def test_another_address_is_asked_when_one_is_gone(chosen: ExtProcOptions, times: int) -> None:
    assert service_of(chosen)["retry_policy"]["num_retries"] == times
    assert most_retries(chosen) == chosen.max_requests


def test_several_addresses_need_not_be_retried() -> None:
    assert "retry_policy" not in service_of(options("127.0.0.1:9001", retries=0))


@pytest.mark.parametrize(
    ("addresses", "kind"),
    [
        (("127.0.0.1:1", "127.0.0.1:2", "[::1]:1"), "STATIC"),
        (("unix:/ep.0", "unix:/ep.1"), "STATIC"),
        (("127.0.0.1:1", "colorfast.example:1"), "STRICT_DNS"),
    ],
)
def test_a_cluster_has_every_address(addresses: tuple[str, ...], kind: str) -> None:
    first, *others = addresses
    cluster = extproc_cluster(ExtProcOptions(target=first, endpoints=tuple(others)))
    [locality] = cluster["load_assignment"]["endpoints"]
    assert len(locality["lb_endpoints"]) == len(addresses)
    assert cluster["type"] == kind


def test_a_name_cannot_stand_beside_a_unix_socket() -> None:
    with pytest.raises(ValueError, match="not of both"):
        extproc_cluster(ExtProcOptions(target="unix:/ep", endpoints=("colorfast.example:1",)))


def test_retries_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        options(retries=-1)
