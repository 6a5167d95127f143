"""Releases that Colorfast writes, played by the real Argo Rollouts controller."""

import time
from collections.abc import Callable, Iterator

import pytest
from lab.kube import build
from lab.kube._argo import Argo, running_argo
from lab.kube._checks import all_is_back, as_planned, broken
from lab.kube._nodes import Nodes
from lab.kube._play import Player
from lab.kube._record import Recorder
from lab.kube._rig import Cluster

SCALED_DOWN_AFTER = 30
"""Seconds after which Argo takes down the pods that it needs no more: its default."""


@pytest.fixture(scope="session")
def argo(defined: Cluster, nodes: Nodes) -> Iterator[Argo]:
    if why := build.missing().get("argo-rollouts"):
        pytest.skip(f"argo-rollouts is missing: {why}")
    with running_argo(defined) as argo:
        yield argo


@pytest.fixture
def player(defined: Cluster, argo: Argo, recorder: Recorder, space: str) -> Player:
    player = Player(defined, argo, recorder, space, "locked.yaml")
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
            time.sleep(SCALED_DOWN_AFTER + 5)
    assert broken(player, [*forward, *back]) == []


def an_unready_pod(player: Player, nodes: Nodes, argo: Argo) -> None:
    change = player.release.changes[0]
    pod, *_ = player.pods(change, change.new)
    nodes.set_ready(player.space, pod, ready=False)
    player.until_ready(change, change.new, change.replicas - 1)
    nodes.set_ready(player.space, pod, ready=True)
    player.until_ready(change, change.new, change.replicas)


def a_restart_of_the_controller(player: Player, nodes: Nodes, argo: Argo) -> None:
    argo.stop()
    argo.start()


def manifests_that_are_applied_again(player: Player, nodes: Nodes, argo: Argo) -> None:
    for step in player.plan.steps[:4]:
        player.apply(step.id)


@pytest.mark.parametrize(
    "disturbance", [an_unready_pod, a_restart_of_the_controller, manifests_that_are_applied_again]
)
def test_a_disturbed_release_goes_on_as_planned(
    player: Player, nodes: Nodes, argo: Argo, disturbance: Callable[[Player, Nodes, Argo], None]
) -> None:
    forward = player.forward(4)
    disturbance(player, nodes, argo)
    forward += [player.play(step) for step in player.plan.steps[4:]]
    assert broken(player, forward) == []
    as_planned(player, forward)
