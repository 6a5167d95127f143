"""What the environment may say, and what becomes of what it may not."""

import pytest

from colorfast.propagator import Settings


def test_defaults() -> None:
    chosen = Settings.of({})
    assert (chosen.header, chosen.member, chosen.baggage) == ("x-lane", "lane", "forward")
    assert (chosen.hosts, chosen.auto) == (("*",), True)


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("HEADER", "X-Dye", "header", "x-dye"),
        ("HEADER", " x-dye ", "header", "x-dye"),
        ("MEMBER", "dye.v1", "member", "dye.v1"),
        ("BAGGAGE", "off", "baggage", "off"),
        ("AUTO", "off", "auto", False),
        ("AUTO", "ON", "auto", True),
        (
            "HOSTS",
            "mesh, *.Example.com,[::1],10.0.0.1",
            "hosts",
            ("mesh", "*.example.com", "::1", "10.0.0.1"),
        ),
        ("HOSTS", "", "hosts", ("*",)),
    ],
)
def test_what_is_said_is_used(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(Settings.of({f"COLORFAST_{name}": value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("HEADER", "x lane", "header"),
        ("HEADER", ":path", "header"),
        ("HEADER", "Baggage", "header"),
        ("HEADER", "traceparent", "header"),
        ("MEMBER", "a=b", "member"),
        ("MEMBER", "a,b", "member"),
        ("BAGGAGE", "yes", "baggage"),
        ("AUTO", "maybe", "auto"),
    ],
)
def test_a_bad_value_is_logged_once_and_the_default_is_used(
    name: str, value: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        chosen = Settings.of({f"COLORFAST_{name}": value})
    assert getattr(chosen, field) == getattr(Settings(), field)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["CF702"]
    assert f"COLORFAST_{name}" in caplog.text


@pytest.mark.parametrize("value", ["Base", "base,a b", "*-pr", "pr-*-x"])
def test_bad_lanes_are_not_a_closed_set(value: str, caplog: pytest.LogCaptureFixture) -> None:
    assert Settings.of({"COLORFAST_LANES": value}).lanes.admit("canary") == "canary"
    assert "CF702" in caplog.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a b", ("mesh",)), ("https://x.com", ("mesh",)), ("a.com,*x,b c", ("a.com",)), (",", ("*",))],
)
def test_bad_hosts_never_become_every_host(value: str, expected: tuple[str, ...]) -> None:
    assert Settings.of({"COLORFAST_HOSTS": value}).hosts == expected
