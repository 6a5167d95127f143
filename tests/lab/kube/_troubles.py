"""What can strike a release on its way: each is done to a player, and waits until it is through."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lab.kube._lab import Lab, Script
from lab.kube._play import Player
from lab.kube._prometheus import BAD
from lab.kube._record import State
from lab.kube._traffic import ready

from colorfast.release import Change, Release
from colorfast.release.verify import table_of


def disturbances(release: Release) -> dict[str, Script]:
    """What can strike *release* and leaves it where it can go on."""
    found: dict[str, Script] = {
        "a-pod-unready": a_pod_is_unready,
        "no-pod-ready": no_pod_is_ready,
        "applied-again": everything_is_applied_again,
    }
    if by_argo(release) and release.pattern == "locked" and release.share != "weights":
        found["aborted-alone"] = one_is_aborted
    return found


def by_argo(release: Release) -> bool:
    """Kruise knows no abort but the old image, and measures nothing."""
    return release.controller == "argo-rollouts"


def a_pod_is_unready(player: Player, lab: Lab) -> None:
    change = victim(player)
    if change.replicas == 1:
        no_pod_is_ready(player, lab)
        return
    player.note("did", f"a pod of {change.name} is unready for a moment")
    _unready(player, lab, change, player.pods(change, change.new)[:1])


def no_pod_is_ready(player: Player, lab: Lab) -> None:
    change = victim(player)
    with trouble(player, change, "no new pod"), _weights_are_back(player, change):
        _unready(player, lab, change, player.pods(change, change.new))


def everything_is_applied_again(player: Player, lab: Lab) -> None:
    change = victim(player)
    with (
        trouble(player, change, "applied again", everyone=True),
        _weights_are_back(player, change),
    ):
        player.apply_again()
        _until_settled(player)


@contextmanager
def _weights_are_back(player: Player, change: Change) -> Iterator[None]:
    """Where the controller has set weights it sets them again: wait for that in the end."""
    before = player.seen(player.recorder.last(), change)
    yield
    if player.release.pattern != "locked" and by_argo(player.release):
        player.until(
            lambda state: player.seen(state, change) == before, f"{change.name} has its weights"
        )


def one_is_aborted(player: Player, lab: Lab) -> None:
    """One that can go on later: an entrance that gives the share would begin again without any."""
    draws_itself = player.release.share == "entrance"
    _abort(player, _one_of(player, entrance=False) if draws_itself else victim(player))


def an_entrance_is_aborted(player: Player, lab: Lab) -> None:
    """One that gives the share: after that the release can only be given up."""
    _abort(player, _one_of(player, entrance=True))


def _abort(player: Player, change: Change) -> None:
    with trouble(player, change, "aborts"):
        player.controls.abort(change)
        _until_aborted(player, change)


def the_analysis_fails(player: Player, lab: Lab) -> None:
    change = victim(player)
    with trouble(player, change, "analysis fails"):
        lab.prometheus.answers[player.case.prefix] = BAD
        _until_aborted(player, change)


@contextmanager
def trouble(
    player: Player, change: Change, words: str, *, everyone: bool = False
) -> Iterator[None]:
    """A trouble that the table has a row about, named with *words*; else it must change nothing."""
    rows = [one.name for one in table_of(player.release).rows if one.by == "trouble"]
    changes = player.release.changes if everyone else (change,)
    with ExitStack() as stack:
        for row in (one for one in rows if words in one):
            for one in changes:
                stack.enter_context(player.trouble(row, one))
        player.note("did", words)
        yield


def _until_aborted(player: Player, change: Change) -> None:
    player.until(
        lambda state: player.controls.phase(state, change) == "aborted", f"{change.name} is aborted"
    )
    player.recorder.until_quiet()


def victim(player: Player) -> Change:
    """Whom it strikes: somebody whom the last step was for, or the first of all."""
    names = player.last.services or (player.release.changes[0].name,)
    (change,) = (one for one in player.release.changes if one.name == names[0])
    return change


def _one_of(player: Player, *, entrance: bool) -> Change:
    release = player.release
    return next(one for one in release.changes if (one.name in release.entrances) is entrance)


def _unready(player: Player, lab: Lab, change: Change, pods: list[str]) -> None:
    for is_ready, left in ((False, change.replicas - len(pods)), (True, change.replicas)):
        for pod in pods:
            lab.nodes.set_ready(change.service.namespace, pod, ready=is_ready)
        player.until(
            lambda state, left=left: (  # type: ignore[misc]
                ready(state, change, change.new) == left and _is_known(player, change, state)
            ),
            f"{left} pods of {change.name} are ready",
        )
        _until_settled(player)


def _is_known(player: Player, change: Change, state: State) -> bool:
    """Whether who sets weights by what is ready has seen that; it may be late."""
    return player.release.pattern == "locked" or player.controls.knows(state, change)


def _until_settled(player: Player) -> None:
    """Whoever has to react has reacted. In a pause that will be over that has to be quick."""
    quick = player.last.pause is not None and player.release.pattern != "locked"
    player.recorder.until_quiet(0.5 if quick else 1.5)
