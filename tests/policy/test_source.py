"""What an author sees is what is read."""

import pytest

from colorfast.policy import InvalidInput, load_policy
from colorfast.policy._source import read_yaml
from helpers.policies import codes, file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5), ("1e3", 1000.0),
        ("012", "012"), ("1:30", "1:30"), ("0x1F", "0x1F"), ("1_000", "1_000"), ("0o14", "0o14"),
        ("2026-11-21", "2026-11-21"), ("1.2.3", "1.2.3"), ("=", "="), ("y", "y"),
        ("'no'", "no"), ('"12"', "12"), ("'true'", "true"),
    ],
)  # fmt: skip
def test_plain_scalars_are_what_they_look_like(text: str, value: object) -> None:
    document = read_yaml(f"a: {text}", "f")
    assert document.diagnostics == []
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off"])
def test_yaml_1_1_booleans_are_refused_with_the_way_out(word: str) -> None:
    (finding,) = read_yaml(f"a: {word}", "f").diagnostics
    assert (finding.code, finding.line, finding.column) == ("CF103", 1, 4)
    assert f'"{word}"' in finding.fix


def test_a_billion_laughs_end_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert [d.code for d in read_yaml("\n".join(lines), "f").diagnostics] == ["CF109"]


def test_deep_nesting_is_refused_and_never_a_crash() -> None:
    for depth in (100, 5_000, 200_000):
        found = read_yaml("[" * depth + "]" * depth, "f").diagnostics
        assert found
        assert found[0].code in ("CF101", "CF109")


def test_a_file_larger_than_a_config_map_is_refused() -> None:
    assert codes("# " + "x" * (1 << 20)) == ["CF109"]


def test_anchors_may_be_used_where_they_help() -> None:
    text = file("""
        rules:
        - {name: a, match: &m [{headers: {h: {exact: x}}}], lane: canary, enabled: false}
        - {name: b, match: *m, lane: canary}
        """)
    loaded = load_policy(text, file="p.yaml")
    assert loaded.policy.rules[0].entries == loaded.policy.rules[1].entries


def test_keys_keep_their_own_position_apart_from_their_value() -> None:
    document = read_yaml("a:\n  b:   c\n", "f")
    assert document.keys["a", "b"] == (2, 3)
    assert document.values["a", "b"] == (2, 8)


@pytest.mark.parametrize(
    "text", ["\ufeff" + file(), file().replace("\n", "\r\n"), file() + "...\n"]
)
def test_byte_order_marks_and_line_ends_do_not_matter(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize("text", ["[]", "just text", "12", "null", "- a", "{1: 2}", "? \n"])
def test_a_file_that_is_no_mapping_is_an_error_and_no_crash(text: str) -> None:
    with pytest.raises(InvalidInput):
        load_policy(text)
