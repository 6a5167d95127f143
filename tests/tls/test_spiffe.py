"""Which SPIFFE IDs there are, and which are let in."""

import pytest

from colorfast.extproc._spiffe import SpiffePattern, admitted, spiffe_id_of

ENVOY = "spiffe://cluster.local/ns/edge/sa/envoy"


@pytest.mark.parametrize(
    "text", [ENVOY, "spiffe://td", "spiffe://td/a.b-c_D/9", "spiffe://td/*", "spiffe://td/x/*"]
)
def test_a_pattern_is_shown_as_it_was_written(text: str) -> None:
    assert str(SpiffePattern.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "td/x",
        "https://td/x",
        "spiffe://",
        "spiffe:///x",
        "spiffe://*",
        "spiffe://TD/x",
        "spiffe://td/",
        "spiffe://td//x",
        "spiffe://td/./x",
        "spiffe://td/../x",
        "spiffe://td/x*",
        "spiffe://td/*/x",
        "spiffe://td/%41",
        "spiffe://td:1/x",
        "spiffe://u@td/x",
        "spiffe://td/x?y",
        "spiffe://td/x\n",
        "spiffe://td/" + "x" * 2048,
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no SPIFFE ID"):
        SpiffePattern.parse(text)


@pytest.mark.parametrize(
    ("pattern", "spiffe_id", "let_in"),
    [
        (ENVOY, ENVOY, True),
        (ENVOY, ENVOY + "x", False),
        (ENVOY, ENVOY + "/x", False),
        ("spiffe://cluster.local/ns/edge/*", ENVOY, True),
        ("spiffe://cluster.local/*", ENVOY, True),
        ("spiffe://cluster.local/ns/ed/*", ENVOY, False),
        ("spiffe://cluster.local/ns/edge/*", "spiffe://cluster.local/ns/edge", False),
        ("spiffe://cluster/*", ENVOY, False),
    ],
)
def test_a_pattern_admits_itself_or_what_is_below_it(
    pattern: str, spiffe_id: str, let_in: bool
) -> None:
    assert SpiffePattern.parse(pattern).admits(spiffe_id) is let_in


@pytest.mark.parametrize(
    "uris",
    [
        (),
        (ENVOY, "spiffe://cluster.local/ns/other/sa/x"),
        (ENVOY, "https://example.com"),
        ("https://example.com",),
        ("spiffe://cluster.local/ns/edge/../edge/sa/envoy",),
        (ENVOY + "?x",),
    ],
)
def test_a_certificate_has_one_id_or_it_is_nobodys(uris: tuple[str, ...]) -> None:
    assert spiffe_id_of(uris) is None
    assert not admitted(uris, [SpiffePattern.parse("spiffe://cluster.local/*")])


def test_without_patterns_everybody_is_let_in() -> None:
    assert admitted((), [])


def test_one_of_several_patterns_is_enough() -> None:
    patterns = [SpiffePattern.parse("spiffe://other"), SpiffePattern.parse(ENVOY)]
    assert admitted((ENVOY,), patterns)
