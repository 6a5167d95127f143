"""When a rule hides another, and when a regex is more than is needed: both ways."""

import pytest

from colorfast.policy._simplify import plain_matcher
from helpers.policies import codes, file


def rules(*matches: str) -> str:
    lines = "\n".join(
        f"- {{name: r{i}, {f'match: [{match}], ' if match else ''}lane: base}}"
        for i, match in enumerate(matches)
    )
    return file("rules:\n" + lines)


HIDDEN = [
    ("", "{path: {exact: /a}}"),
    ("{path: {exact: /a}}", "{path: {exact: /a}}"),
    ("{path: {prefix: /a}}", "{path: {prefix: /a/b}}"),
    ("{path: {prefix: /a}}", "{path: {exact: /a/b}, method: {exact: GET}}"),
    ("{path: {suffix: b}}", "{path: {suffix: ab}}"),
    ("{path: {contains: b}}", "{path: {prefix: /abc}}"),
    ("{headers: {h: {in: [a, b]}}}", "{headers: {h: {exact: b}}}"),
    ("{headers: {h: {present: true}}}", "{headers: {h: {regex: 'a+'}}}"),
    ("{headers: {h: {exact: A, ignoreCase: true}}}", "{headers: {h: {exact: a}}}"),
    ("{headers: {h: {exact: b, not: true}}}", "{headers: {h: {exact: a}}}"),
    ("{headers: {h: {regex: '[a-z]+'}}}", "{headers: {h: {in: [a, bc]}}}"),
    ("{sourceIp: [10.0.0.0/8]}", "{sourceIp: [10.1.0.0/16, 10.2.0.1]}"),
]
SEEN = [
    ("{path: {exact: /a}}", ""),
    ("{path: {prefix: /a/b}}", "{path: {prefix: /a}}"),
    ("{path: {exact: /a}, method: {exact: GET}}", "{path: {exact: /a}}"),
    ("{headers: {h: {exact: a}}}", "{headers: {h: {exact: a, ignoreCase: true}}}"),
    ("{headers: {h: {exact: a}}}", "{headers: {h: {exact: a, not: true}}}"),
    ("{headers: {h: {exact: a}}}", "{headers: {i: {exact: a}}}"),
    ("{headers: {h: {exact: a}}}", "{cookies: {h: {exact: a}}}"),
    ("{headers: {h: {present: false}}}", "{headers: {h: {exact: a}}}"),
    ("{sourceIp: [10.1.0.0/16]}", "{sourceIp: [10.0.0.0/8]}"),
    ("{sourceIp: [10.0.0.0/8]}", "{sourceIp: ['::/0']}"),
]


@pytest.mark.parametrize(("earlier", "later"), HIDDEN)
def test_a_rule_that_an_earlier_one_swallows_is_reported(earlier: str, later: str) -> None:
    assert "CF301" in codes(rules(earlier, later))


@pytest.mark.parametrize(("earlier", "later"), SEEN)
def test_a_rule_that_can_match_is_not(earlier: str, later: str) -> None:
    assert "CF301" not in codes(rules(earlier, later))


def test_alternatives_are_hidden_only_all_together() -> None:
    some = "{path: {exact: /a}}, {path: {exact: /z}}"
    assert "CF301" not in codes(rules("{path: {exact: /a}}", some))
    assert "CF301" in codes(rules("{path: {exact: /a}}", "{path: {exact: /z}}", some))


def test_a_parked_rule_hides_nothing() -> None:
    text = rules("", "{path: {exact: /a}}").replace("name: r0,", "name: r0, enabled: false,")
    assert codes(text) == []


def test_a_broken_rule_hides_nothing() -> None:
    assert codes(rules("{path: {exact: 1}}", "{path: {exact: /a}}")) == ["CF106"]


@pytest.mark.parametrize(
    ("regex", "plain"),
    [
        ("pc", 'exact: "pc"'), ("^pc$", 'exact: "pc"'), (r"a\.b", 'exact: "a.b"'),
        ("/api/.*", 'prefix: "/api/"'), (r".*\.com", 'suffix: ".com"'), (".*bot.*", 'contains: "bot"'),
        ("a|b|c", 'in: ["a", "b", "c"]'), ("(a|b)", 'in: ["a", "b"]'), ("(?:a|b)", 'in: ["a", "b"]'),
        ('say "hi"', r'exact: "say \"hi\""'),
        ("a.b", None), ("a+", None), (r"\d", None), ("(a|b)c", None), ("a|b.*", None), ("(?i)a", None),
        ("[ab]", None), (".*", None), (r"a\$", 'exact: "a$"'), ("a{2}", None), ("", None),
    ],
)  # fmt: skip
def test_the_plain_matcher_for_a_regex(regex: str, plain: str | None) -> None:
    assert plain_matcher(regex) == plain
