"""What policies become as scripts, byte for byte, and that Envoy takes them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from colorfast.envoy import LuaOptions, Station, lua_chain
from colorfast.lua import compile_lua
from colorfast.policy import load_policy
from helpers.goldens import assert_taken

FOLDER = Path(__file__).parent.parent / "golden" / "lua"
CASES = sorted(path.parent for path in FOLDER.glob("*/policy.yaml"))
STATIONS: tuple[Station, ...] = ("dye", "carry")


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_script_is_as_agreed_and_envoy_takes_it(
    case: Path, station: Station, golden: Callable[[Path, str], None]
) -> None:
    policy = load_policy((case / "policy.yaml").read_text(), file="policy.yaml").policy
    script = compile_lua(policy, station, metadata=True)
    assert script.diagnostics == ()
    golden(case / f"{station}.lua", script.source)
    chain = lua_chain(policy, LuaOptions(station=station, metadata=True))
    assert_taken(chain)


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert CASES
    names = ("policy.yaml", *(f"{station}.lua" for station in STATIONS))
    no_orphans(FOLDER, {case / name for case in CASES for name in names})
