"""What is read out of Lua scripts and regexes."""

import pytest

from colorfast.k8s.lint._lua import read_script
from colorfast.k8s.lint._regex import misses_rest, open_before, open_behind
from colorfast.lua import Station, compile_lua
from helpers import policies


def calls(source: str) -> list[tuple[str, str | None, str | None, bool]]:
    return [(c.verb, c.header, c.value, c.conditional) for c in read_script(source).calls]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('h:headers():add("X-A", "b")', [("add", "x-a", "b", False)]),
        ("hs:replace('x-a', lane)", [("replace", "x-a", None, False)]),
        ("local K = 'x-a'; hs:remove(K)", [("remove", "x-a", None, False)]),
        ('local A, B = "a", "b"\nhs:replace(B, A)', [("replace", "b", "a", False)]),
        ('K = "x-a"; hs:remove(K)', [("remove", None, None, False)]),
        ('local K = "a"; K = "b"; hs:remove(K)', [("remove", None, None, False)]),
        ('hs:remove("x-" .. name)', [("remove", None, None, False)]),
        ("if a then hs:remove('x') end hs:remove('y')",
         [("remove", "x", None, True), ("remove", "y", None, False)]),
        ("if a then hs:replace('x', 'a') elseif b then hs:replace('x', 'b') else hs:replace('x', 'c') end",
         [("replace", "x", "a", True), ("replace", "x", "b", True), ("replace", "x", "c", False)]),
        ("if a then for i = 1, 2 do while b do hs:remove('x') end end end", [("remove", "x", None, True)]),
        ("if a then repeat f() until b end hs:remove('x')", [("remove", "x", None, False)]),
        ("-- hs:add('x', 'y')\n--[[ hs:add('x', 'y') ]]\ns = [==[ hs:add('x') ]==]", []),
        ('s = "hs:add(\'x\', 1)"', []),
        ("hs:get('x') t.add('x') add('x', 1)", []),
        ("hs:replace(", []),
        ("'unfinished\n hs:remove('x')", [("remove", "x", None, False)]),
    ],
)  # fmt: skip
def test_header_writes_are_found(
    source: str, expected: list[tuple[str, str | None, str | None, bool]]
) -> None:
    if source == "hs:replace(":
        assert [call.header for call in read_script(source).calls] == [None]
        return
    assert calls(source) == expected


def test_lines_count_from_the_first() -> None:
    [call] = read_script('\n-- x\nlocal s = [[\n]]\nhs:remove("x")').calls
    assert call.line == 4


@pytest.mark.parametrize("station", ["dye", "carry"])
def test_our_own_scripts_are_read(station: Station) -> None:
    policy = policies.policy("default: base")
    script = compile_lua(policy, station)
    assert any(call.verb == "replace" for call in read_script(script.source).calls)


def test_a_script_of_any_bytes_is_read_in_linear_time() -> None:
    pieces = ("--[[", "[==[", '"', '\\"', "'\\", "if ", "hs:add(", "\\", "local a,", "a,", "=")
    for piece in pieces:
        read_script('"' + piece * 50_000)
        read_script(piece * 50_000)


@pytest.mark.parametrize("pattern", [".*lane=canary.*", "^.*(lane=canary).*$", ".*canary"])
def test_patterns_that_take_more_before_are_found(pattern: str) -> None:
    assert open_before(pattern)


@pytest.mark.parametrize("pattern", ["canary.*", "^(.*?;)?(lane=canary).*$", "canary.+"])
def test_patterns_that_take_more_behind_are_found(pattern: str) -> None:
    assert open_behind(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^(.*?;\\s*)?(user=jason)(;.*)?$", "(.*; )?sid=.*", "pr-.*", "canary|beta", "canary", ".*",
        "[a-z]+", "(?:.*;)?\\s*beta=1(?:;.*)?", "a(b", "",
    ],
)  # fmt: skip
def test_patterns_that_say_what_they_mean_are_not(pattern: str) -> None:
    assert open_before(pattern) == open_behind(pattern) == ""


def test_a_pair_alone_in_a_list_of_pairs_is_found() -> None:
    assert misses_rest("^lane=canary$")
    assert not misses_rest("(.*;)?lane=canary(;.*)?")
