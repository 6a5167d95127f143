"""Releases that Colorfast writes, played by the real Argo Rollouts controller."""

import time
from collections.abc import Callable, Iterator

import pytest
from lab.kube import build
from lab.kube._argo import Argo, running_argo
from lab.kube._nodes import Nodes, running_nodes
from lab.kube._play import Played, Player
from lab.kube._record import Recorder, recording
from lab.kube._rig import Cluster
from lab.kube._traffic import ready_versions

WHOLE = 10_000
SCALED_DOWN_AFTER = 30
"""Seconds after which Argo takes down the pods that it needs no more: its default."""


@pytest.fixture(scope="session")
def nodes(defined: Cluster) -> Iterator[Nodes]:
    for name in ("kube-controller-manager", "argo-rollouts"):
        if why := build.missing().get(name):
            pytest.skip(f"{name} is missing: {why}")
    defined.start_controllers()
    with running_nodes(defined) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def argo(defined: Cluster, nodes: Nodes) -> Iterator[Argo]:
    with running_argo(defined) as argo:
        yield argo


@pytest.fixture
def recorder(defined: Cluster, space: str) -> Iterator[Recorder]:
    with recording(defined.api, space) as recorder:
        yield recorder


@pytest.fixture
def player(defined: Cluster, argo: Argo, recorder: Recorder, space: str) -> Player:
    player = Player(defined, argo, recorder, space, "locked.yaml")
    player.install()
    return player


def broken(player: Player, played: Played) -> list[str]:
    """What was wrong in any recorded state of a step: a 503, or both versions for one request."""
    found = []
    for state in played.states:
        least, most = played.dyed
        for lane in (True,) * (most > 0) + (False,) * (least < WHOLE):
            seen = [
                player.answers(state, one, lane=lane).versions for one in player.release.changes
            ]
            together = frozenset[str]().union(*seen)
            if "503" in together or len(together) > 1:
                who = "dyed" if lane else "undyed"
                found.append(
                    f"{played.step.id} {state.at:.2f} {who}: {[sorted(one) for one in seen]}"
                )
    return found


def as_planned(player: Player, played: Played) -> None:
    """At the end of a step routes lead where the plan says."""
    state = played.states[-1]
    for change in player.release.changes:
        routes = player.plan.routes_at(played.step.number)[change.name]
        base = player.answers(state, change, lane=False)
        lane = player.answers(state, change, lane=True)
        assert base.parts == tuple((one, part // 100) for one, part in routes.base), played.step.id
        leads = routes.lane or routes.base[0][0]
        there = leads in ready_versions(state, change.name, change.label)
        assert lane.versions == {leads if there else "503"}, played.step.id


def test_the_plan_is_what_the_controller_does(player: Player) -> None:
    played = player.forward()
    assert [one for each in played for one in broken(player, each)] == []
    for each in played:
        as_planned(player, each)


@pytest.mark.parametrize("step", range(1, 10))
def test_given_up_after_each_step_it_goes_back(player: Player, step: int) -> None:
    forward = player.forward(step)
    moved = any(one.step.action == "switch" for one in forward)
    back = player.back(moved=moved)
    assert [one for each in (*forward, *back) for one in broken(player, each)] == []
    state = back[-1].states[-1]
    for change in player.release.changes:
        for lane in (True, False):
            assert player.answers(state, change, lane=lane).parts == ((change.old, 100),)
        assert ready_versions(state, change.name, change.label) == {change.old}


def test_a_rollback_may_take_its_time(player: Player) -> None:
    forward = player.forward(6)
    back = []
    for step in player.plan.rollback:
        back.append(player.play(step, back=True))
        if step.action == "restore":
            time.sleep(SCALED_DOWN_AFTER + 5)
    assert [one for each in (*forward, *back) for one in broken(player, each)] == []


def an_unready_pod(player: Player, nodes: Nodes) -> None:
    change = player.release.changes[0]
    pod, *_ = player.pods(change, change.new)
    nodes.set_ready(player.space, pod, ready=False)
    player.until_ready(change, change.new, change.replicas - 1)
    nodes.set_ready(player.space, pod, ready=True)
    player.until_ready(change, change.new, change.replicas)


def a_restart_of_the_controller(player: Player, nodes: Nodes) -> None:
    player.argo.stop()
    player.argo.start()


def manifests_that_are_applied_again(player: Player, nodes: Nodes) -> None:
    for step in player.plan.steps[:4]:
        player.apply(step.id)


@pytest.mark.parametrize(
    "disturbance", [an_unready_pod, a_restart_of_the_controller, manifests_that_are_applied_again]
)
def test_a_disturbed_release_goes_on_as_planned(
    player: Player, nodes: Nodes, disturbance: Callable[[Player, Nodes], None]
) -> None:
    forward = player.forward(4)
    disturbance(player, nodes)
    forward += [player.play(step) for step in player.plan.steps[4:]]
    assert [one for each in forward for one in broken(player, each)] == []
    for each in forward:
        as_planned(player, each)
