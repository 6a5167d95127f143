"""What the parent and a worker tell each other arrives as it was said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorfast.extproc import Settings, Tls
from colorfast.extproc._control import Command, Failed, Order, Ready, Report, parse, write
from colorfast.extproc._sums import Family
from colorfast.policy import ColorfastError, InvalidInput
from helpers import policies

TLS = Tls(certificate="c", key="k", client_ca="a", spiffe_ids=("spiffe://td/x", "spiffe://td/y/*"))
FAMILY = Family(name="m", kind="counter", text="t", samples={("m_total", (("a", "b"),)): 2.0})


@pytest.mark.parametrize("tls", [None, TLS])
@pytest.mark.parametrize("policy", [None, "läne: \n"])
def test_an_order(tls: Tls | None, policy: str | None) -> None:
    settings = Settings(policy="p.yaml", listen="unix:/ep.1", socket_mode=0o660, tls=tls)
    order = Order(worker=1, settings=settings, policy=policy)
    line = order.line()
    assert line.count(b"\n") == 1
    assert Order.parse(line) == order


def test_a_command() -> None:
    command = Command(verb="report", number=7)
    assert Command.parse(command.line()) == command


@given(policy=st.none() | st.text(), address=st.text())
def test_ready_and_report(policy: str | None, address: str) -> None:
    shown = {"digest": "abc", "lastRefusal": None}
    report = Report(number=3, shown=shown, metrics=(FAMILY,), policy=policy)
    for message in (Ready(address=address), report):
        line = write(message)
        assert line.count(b"\n") == 1
        assert parse(line) == message


def test_a_failure_with_all_of_its_parts() -> None:
    error = ColorfastError("CF601", "cannot listen", why="taken", fix="stop it")
    failed = parse(write(Failed(error=error)))
    assert isinstance(failed, Failed)
    assert str(failed.error) == str(error)


def test_a_failure_with_its_diagnostics() -> None:
    with pytest.raises(InvalidInput) as caught:
        policies.policy("default: nowhere\nbaseline: nobody")
    failed = parse(write(Failed(error=caught.value)))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InvalidInput)
    assert failed.error.diagnostics == caught.value.diagnostics


@pytest.mark.parametrize("line", [b"", b"x\n", b"{}\n", json.dumps({"report": {}}).encode()])
def test_nonsense_is_an_error_that_names_no_more_than_that(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse(line)
