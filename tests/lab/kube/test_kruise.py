"""Releases that Colorfast writes, played by the real OpenKruise Rollouts controller."""

import time
from collections.abc import Iterator

import pytest
from lab.kube import build
from lab.kube._checks import all_is_back, as_planned, broken
from lab.kube._kruise import Kruise, running_kruise
from lab.kube._nodes import Nodes
from lab.kube._play import Player
from lab.kube._record import Recorder
from lab.kube._rig import Cluster

A_WHILE = 20
"""Seconds, several times of what Kruise takes to clear up."""


@pytest.fixture(scope="session")
def kruise(defined: Cluster, nodes: Nodes) -> Iterator[Kruise]:
    if why := build.missing().get("kruise-rollouts"):
        pytest.skip(f"kruise-rollouts is missing: {why}")
    with running_kruise(defined) as kruise:
        yield kruise


@pytest.fixture
def player(defined: Cluster, kruise: Kruise, recorder: Recorder, space: str) -> Player:
    player = Player(defined, kruise, recorder, space, "locked.yaml")
    player.install()
    return player


def test_the_plan_is_what_the_controller_does(player: Player) -> None:
    played = player.forward()
    assert broken(player, played) == []
    as_planned(player, played)


@pytest.mark.parametrize("step", range(1, 10))
def test_given_up_after_each_step_it_goes_back(player: Player, step: int) -> None:
    forward = player.forward(step)
    back = player.back()
    assert broken(player, [*forward, *back]) == []
    all_is_back(player, back[-1])


def test_a_rollback_may_take_its_time(player: Player) -> None:
    forward = player.forward(6)
    back = []
    for step in player.needed():
        back.append(player.play(step, back=True))
        if step.action in ("dye", "restore"):
            time.sleep(A_WHILE)
    assert broken(player, [*forward, *back]) == []
