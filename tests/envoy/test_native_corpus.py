"""Where native filters end: what of the public corpus they refuse or warn of, and what comes then."""

import asyncio

import pytest
from envoys.limits import LIMITS, name
from envoys.run import corpus

from colorfast.envoy import NativeOptions, Station, native_chain
from colorfast.mesh.conformance import observe_in_envoy
from colorfast.policy import InvalidInput, Policy, VectorFile

STATIONS: tuple[Station, ...] = ("dye", "carry")


def codes(policy: Policy, station: Station) -> set[str]:
    return {one.code for one in native_chain(policy, NativeOptions(station=station)).diagnostics}


@pytest.mark.parametrize("file", corpus(), ids=lambda file: file.file)
@pytest.mark.parametrize("station", STATIONS)
def test_the_whole_corpus_can_be_expressed(file: VectorFile, station: Station) -> None:
    assert "CF421" not in codes(file.policy, station)


def test_what_is_too_long_to_keep_is_warned_of_and_leaves_no_spoof() -> None:
    files = [one for one in corpus() if one.file == "baggage_sizes.yaml"]
    [row] = asyncio.run(observe_in_envoy(files, "native"))
    assert not isinstance(row, InvalidInput)
    pairs = zip(files[0].vectors, row, strict=True)
    long = [
        (vector, one) for vector, one in pairs if name(files[0], vector.name) in LIMITS["CF422"]
    ]
    assert len(long) == len(LIMITS["CF422"])
    for vector, seen in long:
        assert "CF422" in codes(files[0].policy, vector.station)
        baggage = [value for name, value in seen.lines if name == "baggage"]
        assert seen.lane == vector.expect.lane
        assert baggage == [files[0].policy.member.write(str(seen.lane))]
