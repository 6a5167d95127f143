"""Ports that nobody else gets."""

import socket

import pytest

from colorfast.mesh import Ports
from colorfast.policy import ColorfastError


def test_reserved_ports_differ_and_cannot_be_taken() -> None:
    with Ports() as ports:
        got = [ports.reserve() for _ in range(50)]
        assert len(set(got)) == 50
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", got[0]))


def test_an_envoy_may_listen_on_a_reserved_port_and_gets_every_connection() -> None:
    with Ports() as ports, socket.socket() as envoy:
        port = ports.reserve()
        envoy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        envoy.bind(("127.0.0.1", port))
        envoy.listen()
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                envoy.accept()[0].close()


@pytest.mark.parametrize("shares", [False, True])
def test_a_port_that_somebody_listens_on_is_taken(shares: bool) -> None:
    with socket.socket() as other:
        if shares:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with Ports() as ports, pytest.raises(ColorfastError) as caught:
            ports.reserve(port)
    assert caught.value.code == "CF611"
    assert str(port) in caught.value.what


def test_a_given_port_is_reserved_and_free_again_afterwards() -> None:
    with Ports() as ports:
        port = ports.reserve()
    with Ports() as ports:
        assert ports.reserve(port) == port
