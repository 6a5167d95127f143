"""What ``verify`` says of random releases, against a simulation and replays that share no code with it."""

from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from release.replay import shows
from release.simulation import Simulation, escapes

from colorfast.release import STYLES_OF, Release, plan
from colorfast.release.verify import verify
from helpers import releases
from helpers.releases import CHAIN, TWO_ENTRANCES

KINDS = [(controller, style) for controller, styles in STYLES_OF.items() for style in styles]


@st.composite
def drawn_releases(draw: st.DrawFn) -> Release:
    """Up to six services, whoever calls whom, by any controller and in any manner."""
    names = "abcdef"[: draw(st.integers(1, 6))]
    calls = {
        name: draw(st.sets(st.sampled_from(names[index + 1 :]), max_size=3))
        if names[index + 1 :]
        else set[str]()
        for index, name in enumerate(names)
    }
    pattern = draw(st.sampled_from(("locked", "locked", "locked", "ordered", "single")))
    least = 1
    most = 1 if pattern == "single" else len(names)
    released = draw(st.sets(st.sampled_from(names), min_size=least, max_size=most))
    controller, style = draw(st.sampled_from(KINDS))
    spec: dict[str, Any] = {"controller": controller, "pattern": pattern}
    if pattern == "locked":
        spec["style"] = style
        spec["drops"] = sorted(draw(st.sets(st.sampled_from(names), max_size=1)))
        spec["share"] = draw(st.sampled_from(["dye", "dye", "dye", "entrance", "weights"]))
    if pattern != "single":
        spec["finish"] = draw(st.sampled_from(["last", "last", "first"]))
    weights = sorted(draw(st.sets(st.integers(1, 99), max_size=2)))
    entrances = sorted(draw(st.sets(st.sampled_from(names), max_size=1)) | {names[0]})
    return releases.release(
        {name: sorted(called) for name, called in calls.items()},
        sorted(released),
        mesh={"entrances": entrances},
        steps=[*({"weight": weight} for weight in weights), {"weight": 100}],
        **spec,
    )


MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(release=drawn_releases(), seed=st.integers(0, 2**16), give_up_at=st.integers(0, 60))
def test_what_is_called_safe_has_no_escape(release: Release, seed: int, give_up_at: int) -> None:
    verdict = verify(release)
    if verdict.safe:
        made = plan(release)
        assert escapes(made, seed) == []
        assert escapes(made, seed, give_up_at=give_up_at) == []
    for found in verdict.counterexamples:
        assert shows(release, found)


@settings(MANY, max_examples=25)
@given(release=drawn_releases(), seed=st.integers(0, 2**16))
def test_counterexamples_of_any_order_can_be_played_again(release: Release, seed: int) -> None:
    for found in verify(release, any_order=True).counterexamples:
        assert shows(release, found)


WRONG: list[dict[str, Any]] = [
    {"finish": "first"},
    {"share": "weights"},
    {"drops": ["b"]},
    {"pattern": "ordered", "finish": "first"},
]


@pytest.mark.parametrize("spec", WRONG)
def test_the_simulation_sees_what_verify_refuses(spec: dict[str, Any]) -> None:
    release = releases.release(CHAIN, **spec)
    assert not verify(release).safe
    seen = next(found for seed in count() if (found := escapes(plan(release), seed)) or seed > 20)
    assert seen


def test_the_simulation_sends_requests_all_the_time() -> None:
    simulation = Simulation(plan(releases.release(TWO_ENTRANCES)), Random(1))
    assert simulation.run() == []
    assert simulation.seen > 100
