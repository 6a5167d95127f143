import pytest
import re2

from colorfast.lane import LaneSet, is_family, is_lane_name, lanes_regex

GOOD = ["a", "0", "base", "canary", "test-v2", "pr-42", "a.b_c", "a" * 63]
BAD = ["", "A", "-a", "a-", ".a", "a.", "a b", "a,b", "a;b", "a=b", "é", "a\n", "a" * 64, "a\x00"]


@pytest.mark.parametrize("name", GOOD)
def test_a_lane_name_is_a_lane_name(name: str) -> None:
    assert is_lane_name(name)


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_not(name: str) -> None:
    assert not is_lane_name(name)


@pytest.mark.parametrize("pattern", ["*", "pr-*", "a*", "0.1_*"])
def test_a_family_is_a_prefix_and_a_star(pattern: str) -> None:
    assert is_family(pattern)


@pytest.mark.parametrize("pattern", ["", "pr", "-*", "*a", "a*b*", "A*", "a**", "é*"])
def test_nothing_else_is_a_family(pattern: str) -> None:
    assert not is_family(pattern)


def test_a_set_admits_its_names_and_families_and_nothing_else() -> None:
    lanes = LaneSet(("base", "canary", "pr-*"))
    assert lanes.admit(b"canary") == "canary"
    assert lanes.admit(b"pr-42") == "pr-42"
    for value in (b"", b"Canary", b"canary ", b"pr-", b"pr-A", b"pr-\xff", b"pr-" + b"1" * 61):
        assert lanes.admit(value) is None, value


def test_a_lone_star_admits_every_lane_name() -> None:
    lanes = LaneSet(("*",))
    assert lanes.admit(b"anything") == "anything"
    assert lanes.admit(b"not a lane") is None


def test_the_pattern_that_admits_a_lane_is_a_label_that_no_client_can_grow() -> None:
    lanes = LaneSet(("base", "pr-*"))
    assert [lanes.pattern_of(lane) for lane in ("base", "pr-1", "x")] == ["base", "pr-*", None]


def test_membership_is_asked_with_in() -> None:
    assert "pr-1" in LaneSet(("pr-*",))
    assert "\udcff" not in LaneSet(("pr-*",))


def test_a_bad_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="neither a lane name nor a family"):
        LaneSet(("Base",))


@pytest.mark.parametrize("pattern", ["base", "a.b", "*", "pr-*", "a*", "v1.*", "a" * 62 + "*"])
def test_the_regex_of_a_pattern_admits_what_the_pattern_admits(pattern: str) -> None:
    lanes, regex = LaneSet((pattern,)), re2.compile(lanes_regex(pattern))
    stem = pattern.rstrip("*")
    for tail in (
        "",
        "x",
        "-",
        "x-",
        "-x",
        "1.2",
        "A",
        "x" * (63 - len(stem)),
        "x" * (64 - len(stem)),
    ):
        assert (regex.fullmatch(stem + tail) is not None) == (stem + tail in lanes), stem + tail
    assert regex.fullmatch("other-thing") is None or pattern == "*"
