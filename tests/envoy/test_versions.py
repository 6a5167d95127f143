"""What an Envoy of some version is said not to do."""

import pytest

from colorfast.envoy import (
    NEWEST,
    Backend,
    EnvoyVersion,
    NativeOptions,
    Station,
    native_chain,
    strip_regex,
    version_findings,
)
from colorfast.envoy._options import DEFAULT_PROGRAM_SIZE
from colorfast.envoy._programs import measured_size, tree_size
from colorfast.envoy._strip import LONGEST_KEY
from colorfast.lane import Member
from helpers.goldens import assert_taken
from helpers.policies import policy

PLAIN = policy("default: base")
FAMILY = policy("lanes: [base, 'pr-*']")
REGEXES = policy("""
    rules:
    - {name: any, match: [{path: {regex: '/v./x'}}], lane: canary}
    - {name: ascii, match: [{path: {regex: '/v[0-9]+'}}], lane: canary}
    - {name: host, match: [{host: {regex: 'shop[0-9]'}}], lane: canary}
    - {name: parked, enabled: false, match: [{path: {regex: '.*'}}], lane: canary}
    """)


def codes(version: str, *backends: Backend, station: Station = "dye") -> list[str]:
    found = version_findings(PLAIN, station, backends, EnvoyVersion.parse(version))
    return [one.code for one in found]


def test_the_newest_does_everything() -> None:
    for station in ("dye", "carry"):
        for backend in ("extproc", "lua", "wasm", "native"):
            assert version_findings(REGEXES, station, [backend], NEWEST) == ()


def test_versions_are_compared_as_numbers() -> None:
    assert EnvoyVersion.parse("1.9") < EnvoyVersion.parse("1.36") < EnvoyVersion.parse("1.100")
    assert str(EnvoyVersion.parse("1.36")) == "1.36"


@pytest.mark.parametrize("text", ["", "1", "1.", "v1.40", "1.40.0", "1.4o", " 1.40"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        EnvoyVersion.parse(text)


def test_native_chains_need_1_38() -> None:
    assert codes("1.37", "native") == ["CF425"]
    assert codes("1.38", "native") == []
    assert codes("1.37", "extproc", "native") == ["CF425"]


def test_before_1_39_a_regex_of_a_native_chain_must_be_about_ascii() -> None:
    found = version_findings(REGEXES, "dye", ["native"], EnvoyVersion(1, 38))
    assert [(one.code, one.line) for one in found] == [("CF426", 7), ("CF426", 9)]
    assert version_findings(REGEXES, "dye", ["native"], EnvoyVersion(1, 39)) == ()


def test_a_hop_and_other_backends_have_no_regex_that_envoy_reads() -> None:
    old = EnvoyVersion(1, 38)
    assert version_findings(REGEXES, "dye", ["extproc", "lua"], old) == ()
    hop = version_findings(REGEXES, "carry", ["native"], old)
    assert [one.code for one in hop] == ["CF428"]


def test_a_plugin_needs_v8() -> None:
    assert codes("1.38", "wasm") == ["CF427"]
    assert codes("1.38", "extproc", "wasm") == ["CF427"]
    assert codes("1.37", "wasm") == codes("1.39", "wasm") == []


def test_what_is_not_tested_is_said() -> None:
    assert codes("1.35", "lua") == codes("1.41", "lua") == codes("2.0", "lua") == ["CF429"]


def test_a_chain_says_the_same_envoy() -> None:
    for chosen, needed in ((PLAIN, "1.38"), (REGEXES, "1.39")):
        assert native_chain(chosen, NativeOptions()).requires.envoy == needed


def test_envoy_refuses_what_is_warned_of_unless_it_is_told() -> None:
    result = native_chain(FAMILY, NativeOptions(station="carry"))
    assert "CF424" in {one.code for one in result.diagnostics}
    assert result.requires.max_program_size > DEFAULT_PROGRAM_SIZE
    assert_taken(result.chain, program_size=result.requires.max_program_size)
    with pytest.raises(AssertionError, match="RE2 program size"):
        assert_taken(result.chain)


def test_envoy_measures_no_regex_of_a_match_tree() -> None:
    long = policy(
        "rules: [{name: r, match: [{path: {regex: '(?:[a-z]{1,9}/){90}'}}], lane: canary}]"
    )
    result = native_chain(long, NativeOptions())
    assert tree_size(result.chain.filters) > 1000
    assert "CF424" not in {one.code for one in result.diagnostics}
    assert_taken(result.chain)


@pytest.mark.parametrize("length", [LONGEST_KEY, LONGEST_KEY + 1])
def test_the_longest_key_is_as_long_as_envoys_limit_lets_it_be(length: int) -> None:
    size = measured_size({"regex": strip_regex(Member("k" * length))})
    assert (size <= DEFAULT_PROGRAM_SIZE) == (length == LONGEST_KEY)
