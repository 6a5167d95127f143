"""Which hosts get the lane, and what is taken off for the others."""

import http.client
from typing import Any

import pytest

from colorfast.propagator import Settings
from colorfast.propagator.guard import Hosts, _install, install, uninstall
from colorfast.propagator.guard._guard import Guard

INSIDE = (
    "localhost", "mockb", "mockb.shop.svc", "mockb.shop.svc.cluster.local", "printer.local",
    "db.internal", "app.localhost", "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1",
    "192.168.1.1", "169.254.1.1", "::1", "fd00::1", "fe80::1%eth0", "[::1]", "MockB", "mockb.",
)  # fmt: skip
OUTSIDE = (
    "example.com", "8.8.8.8", "2001:4860:4860::8888", "svc.example.com", "mockb.svc.evil.com",
    "evilsvc.com", "172.32.0.1", "", "local.example.com", "10.0.0.1.example.com",
)  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
def test_the_mesh_preset_lets_through_what_looks_inside(host: str) -> None:
    assert Hosts(["mesh"]).allow(host)


@pytest.mark.parametrize("host", OUTSIDE)
def test_the_mesh_preset_lets_nothing_else_through(host: str) -> None:
    assert not Hosts(["mesh"]).allow(host)


@pytest.mark.parametrize(
    ("patterns", "host", "allowed"),
    [
        (["*"], "example.com", True),
        (["*"], "", True),
        ([], "localhost", False),
        (["example.com"], "example.com", True),
        (["Example.COM."], "example.com", True),
        (["example.com"], "EXAMPLE.com.", True),
        (["example.com"], "a.example.com", False),
        (["example.com"], "evilexample.com", False),
        (["*.example.com"], "a.example.com", True),
        (["*.example.com"], "a.b.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "evilexample.com", False),
        (["10.0.0.1"], "10.0.0.1", True),
        (["::1"], "[::1]", True),
        (["mesh", "*.example.com"], "a.example.com", True),
        (["mesh", "*.example.com"], "mockb", True),
        (["mesh", "*.example.com"], "example.org", False),
    ],
)
def test_a_host_is_allowed_by_a_pattern(patterns: list[str], host: str, allowed: bool) -> None:
    assert Hosts(patterns).allow(host) is allowed


GUARD = Guard(Hosts(["a"]), Settings())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("k", "v")], [("k", "v")]),
        ([("X-Lane", "blue"), ("k", "v")], [("k", "v")]),
        ([(b"x-lane", b"blue"), (b"k", b"\xff")], [(b"k", b"\xff")]),
        ([("baggage", "lane=blue")], []),
        ([("Baggage", "a=1, lane=blue;p ,b=2")], [("Baggage", "a=1,b=2")]),
        ([(b"baggage", b"lane=blue,a=1")], [(b"baggage", b"a=1")]),
        ([("baggage", "a=1,lane2=x")], [("baggage", "a=1,lane2=x")]),
        ([("baggage", "lane=blue"), ("baggage", "a=1")], [("baggage", "a=1")]),
        ([("baggage", 5), ("x", None)], [("baggage", 5), ("x", None)]),
    ],
)
def test_only_what_is_colorfasts_is_taken_off(given: Any, expected: Any) -> None:
    assert GUARD.kept("b", given) == expected
    mapping = dict(given)
    assert dict(GUARD.kept_mapping("b", mapping)) == dict(expected)
    assert mapping == dict(given)


def test_a_host_is_named_once_in_the_log_and_no_value_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for host in ("b", "b", b"c"):
        GUARD.kept(host, [("x-lane", "blue"), ("baggage", "lane=blue,secret=1")])
    GUARD.kept("d", [("k", "v")])
    assert [record.message.split()[7] for record in caplog.records] == ["b,", "c,"]
    assert "CF703" in caplog.text
    assert "blue" not in caplog.text
    assert "secret" not in caplog.text


def test_uninstalling_puts_back_what_was_there() -> None:
    before = {name: vars(http.client.HTTPConnection)[name] for name in ("request", "__init__")}
    install(["mesh"])
    install(["*.example.com"])
    assert http.client.HTTPConnection.request is not before["request"]
    uninstall()
    uninstall()
    assert {name: vars(http.client.HTTPConnection)[name] for name in before} == before


def test_what_others_have_wrapped_around_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    original = http.client.HTTPConnection.request
    try:
        install(["mesh"])
        guarded = http.client.HTTPConnection.request

        def wrapper(*args: Any, **options: Any) -> None:
            guarded(*args, **options)

        http.client.HTTPConnection.request = wrapper  # type: ignore[method-assign]
        uninstall()
        assert http.client.HTTPConnection.request is wrapper
    finally:
        http.client.HTTPConnection.request = original  # type: ignore[method-assign]


def test_a_library_of_another_shape_is_logged_and_the_others_are_guarded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = ("json", "colorfast.propagator.guard._http", "no_such_function")
    monkeypatch.setattr(_install, "PLACES", (broken, *_install.PLACES[:1]))
    try:
        install(["mesh"])
        assert "colorfast" in http.client.HTTPConnection.request.__module__
    finally:
        uninstall()
    assert "CF705" in caplog.text
