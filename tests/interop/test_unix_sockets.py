"""Unix sockets on both transports: permissions, what was left behind, and what was not."""

import errno
import socket
import stat
from pathlib import Path

import grpc
import pytest
from extproc.support import ask, message, service

from colorfast.extproc import _address
from colorfast.extproc._address import Address
from colorfast.policy import ColorfastError

PC = message([("agent", b"pc")])

pytestmark = pytest.mark.usefixtures("transport")


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
async def test_the_permissions_are_those_that_were_asked_for(folder: Path, mode: int) -> None:
    async with service(folder, socket_mode=mode) as running:
        assert stat.S_IMODE((folder / "ep").stat().st_mode) == mode
        async with grpc.aio.insecure_channel(running.address) as channel:
            await ask(channel, PC)


async def test_a_socket_that_was_left_behind_is_replaced(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{folder}/ep")
    async with service(folder) as running, grpc.aio.insecure_channel(running.address) as channel:
        await ask(channel, PC)
    assert not (folder / "ep").exists()


async def test_a_socket_that_somebody_listens_on_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if that one hangs: its queue is full, and nobody takes from it."""
    monkeypatch.setattr(_address, "_PATIENCE", 0.05)
    with socket.socket(socket.AF_UNIX) as hung, socket.socket(socket.AF_UNIX) as waiting:
        hung.bind(f"{folder}/ep")
        hung.listen(0)
        waiting.connect(f"{folder}/ep")
        with pytest.raises(ColorfastError) as caught:
            async with service(folder):
                pass
        assert caught.value.why == "another process listens there"
        assert (folder / "ep").is_socket()


def test_a_socket_that_may_not_be_looked_at_is_not_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may look at everything, so the answer of the system is made up."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"{folder}/ep")
        monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.EACCES)
        with pytest.raises(ColorfastError) as caught:
            Address.parse(f"unix:{folder}/ep").claim()
    assert caught.value.why == "Permission denied"
    assert (folder / "ep").exists()


async def test_a_second_service_does_not_take_the_first_ones_socket_along(folder: Path) -> None:
    """When the first one ends, the second one has been there for long."""
    async with service(folder) as first:
        await first.finish()
        async with service(folder) as second:
            await first.finish()
            async with grpc.aio.insecure_channel(second.address) as channel:
                await ask(channel, PC)


async def test_localhost_is_all_that_it_stands_for(folder: Path) -> None:
    async with service(folder, listen="localhost:0") as running:
        port = running.address.rpartition(":")[2]
        async with grpc.aio.insecure_channel(f"ipv4:127.0.0.1:{port}") as channel:
            await ask(channel, PC)
