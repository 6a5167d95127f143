"""What is played of a release: to its end, given up after each step, and disturbed on its way."""

import re
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from time import sleep
from typing import Final

import pytest
from lab.kube import build
from lab.kube._cases import Case, golden
from lab.kube._lab import Lab, Script
from lab.kube._play import Player, playing
from lab.kube._record import State
from lab.kube._traffic import ready
from lab.kube._troubles import (
    an_entrance_is_aborted,
    by_argo,
    disturbances,
    the_analysis_fails,
    trouble,
    victim,
)
from release.cases import release_of
from release.explain import broken, disagreement
from release.trace import Trace

from colorfast.release import Change, Release, Style
from colorfast.release.verify import Invariant, table_of, verify

SCALED_DOWN_AFTER: Final = 30
"""Seconds after which Argo takes down the pods that it needs no more: its default."""

AT_ONCE: Final = 30
"""Plays that go on at the same time: most of their time they wait."""

PLAYED_AGAIN: Final = build.BIN / "played-again.log"
"""What failed side by side with others."""

TOGETHER: Final = 300.0
"""Seconds within which plays that are to be disturbed together have come so far."""


def scripts(case: str) -> dict[str, Script]:
    """The plays of the golden release *case* that can go on side by side, by their names."""
    made = Case(case, release_of(case))
    where = middle(made)
    found: dict[str, Script] = {"forward": lambda player, lab: player.forward()}
    for name, strike in disturbances(made.release).items():
        found[name] = partial(forward, disturbed=strike, after=where)
        if made.release.pattern != "locked" and by_argo(made.release):
            last = next(one.number for one in made.plan.steps if one.action == "promote") - 1
            found[f"{name}-at-the-end"] = partial(forward, disturbed=strike, after=last)
    return found | _returns(made, where)


def _returns(made: Case, where: int) -> dict[str, Script]:
    """The plays that end with the rollback."""
    release = made.release
    steps = made.plan.steps
    found: dict[str, Script] = {
        f"given-up-after-{step.id}": partial(given_up, after=step.number) for step in steps
    }
    for name, strike in disturbances(release).items():
        found[f"{name}-given-up"] = partial(given_up, disturbed=strike, after=where)
    by_controller = _returns_of_argo if by_argo(release) else _returns_of_kruise
    return found | by_controller(release, where)


def _returns_of_argo(release: Release, where: int) -> dict[str, Script]:
    found: dict[str, Script] = {"given-up-slowly": given_up_slowly}
    if release.pattern == "locked":
        found["given-up-before-old-pods-go"] = given_up_before_old_pods_go
        if release.share == "entrance":
            struck = partial(given_up, after=where, disturbed=an_entrance_is_aborted)
            found["the-entrance-aborted-given-up"] = struck
    elif release.analysis is not None:
        found["analysis-fails"] = partial(given_up, after=where, disturbed=the_analysis_fails)
    return found


def _returns_of_kruise(release: Release, where: int) -> dict[str, Script]:
    found: dict[str, Script] = {"routes-edited": partial(edited, after=where)}
    if release.pattern == "locked":
        found["given-up-slowly"] = given_up_slowly
        found["given-up-while-it-rolls"] = given_up_while_it_rolls
    if release.style == "managed":
        found["given-up-before-pods-start"] = given_up_before_pods_start
    found["given-up-before-it-begins"] = given_up_before_it_begins
    return found


def restarted(case: str, together: threading.Barrier) -> dict[str, Script]:
    """Plays in which the controller is restarted; it is one for all of them."""

    def disturbed(player: Player, lab: Lab) -> None:
        player.note("did", "the controller is restarted")
        together.wait(TOGETHER)  # for all to have come so far
        together.wait(TOGETHER)  # for the controller

    release = release_of(case)
    made = Case(case, release)
    first = next(one.number for one in made.plan.steps if one.action == "promote")
    steps = [one for one in made.plan.steps if one.number in (middle(made), first)]
    return {
        f"restarted-after-{step.id}": partial(forward, disturbed=disturbed, after=step.number)
        for step in steps
        if step.number < len(made.plan.steps)
    }


def middle(case: Case) -> int:
    """The step after which a disturbance matters most: new versions serve, and nothing is final.

    It has no pause that could be over before the disturbance is.
    """
    locked = case.release.pattern == "locked"
    shares = [one for one in case.plan.steps if one.action in ("dye", "weigh")]
    still = [one for one in shares if one.pause is None or (locked and one.kind == "policy")]
    return still[-1].number if locked else still[0].number


# Scripts.


def forward(player: Player, lab: Lab, *, disturbed: Script, after: int) -> None:
    player.forward(after)
    disturbed(player, lab)
    player.forward(since=after)


def given_up(player: Player, lab: Lab, *, after: int, disturbed: Script | None = None) -> None:
    player.forward(after)
    if disturbed is not None:
        disturbed(player, lab)
    player.back()


def given_up_slowly(player: Player, lab: Lab) -> None:
    """Whoever goes back may take his time: no controller does anything to what is not ready."""
    locked = player.release.pattern == "locked"
    player.forward(middle(player.case) + locked)
    for step in player.needed():
        player.play(step, back=True)
        if step.action in ("dye", "restore", "weigh"):
            player.note("did", "some time passes")
            sleep(SCALED_DOWN_AFTER + 5)


def given_up_while_it_rolls(player: Player, lab: Lab) -> None:
    """In the middle of the promotion, when some old pods are gone, and not all of them."""
    (promotion,) = (one for one in player.plan.steps if one.action == "promote")
    player.forward(promotion.number - 1)

    def halfway(state: State) -> bool:
        left = [(ready(state, one, one.old), one.replicas) for one in player.release.changes]
        return any(0 < count < whole for count, whole in left)

    player.play(promotion, only_until=halfway)
    for step in player.needed():
        if step.action == "restore":  # as the runbook says
            player.until(
                lambda state: all(
                    player.controls.phase(state, one) == "idle" for one in player.release.changes
                ),
                "promotions are through",
            )
        player.play(step, back=True)


def given_up_before_old_pods_go(player: Player, lab: Lab) -> None:
    """Right after the promotion: its old pods are there for a while yet."""
    (promotion,) = (one for one in player.plan.steps if one.action == "promote")
    player.forward(promotion.number - 1)
    lane = _LANE_PROMOTED[player.release.style]

    def promoted(state: State) -> bool:
        # Argo is Healthy before its routes are through.
        return all(
            player.controls.phase(state, one) == "idle"
            and (player.seen(state, one).base, player.seen(state, one).lane) == ("new", lane)
            for one in player.release.changes
        )

    player.play(promotion, only_until=promoted)
    for change in player.release.changes:
        player.note("is", "promoted", change.name)
    player.back()


_LANE_PROMOTED: Final[dict[Style, str]] = {"version": "new", "labels": "gone", "managed": "off"}
"""Where the lane's route leads under Argo when a promotion is through."""


def given_up_before_pods_start(player: Player, lab: Lab) -> None:
    """When the lane's route is there, and leads nowhere yet."""
    (deploy,) = (one for one in player.plan.steps if one.action == "deploy")
    player.forward(deploy.number - 1)

    def begun(state: State) -> bool:
        # The route is another controller's. Before Kruise itself has begun it takes an old version
        # that is set back for the next one to be released.
        return all(
            player.controls.phase(state, one) == "moving" and player.seen(state, one).lane == "gone"
            for one in player.release.changes
        )

    player.play(deploy, only_until=begun)
    player.back()


def given_up_before_it_begins(player: Player, lab: Lab) -> None:
    """When the controller gets ready, and does not know yet what it was that it is to release."""
    deploy = next(one for one in player.plan.steps if one.action == "deploy")
    player.forward(deploy.number - 1)

    def ready_itself(state: State) -> bool:
        concerned = [one for one in player.release.changes if one.name in deploy.services]
        return all(player.controls.phase(state, one) == "beginning" for one in concerned)

    player.play(deploy, only_until=ready_itself)
    player.back()


def edited(player: Player, lab: Lab, *, after: int) -> None:
    """Whoever changes routes under Kruise changes nothing that lasts, and nothing else either."""
    player.forward(after)
    struck = victim(player)
    with trouble(player, struck, "edited"):
        for path in _routes(player, struck):
            timeout = [{"op": "add", "path": "/spec/http/0/timeout", "value": "7s"}]
            lab.cluster.api.patch(path, timeout, "json-patch+json")
        player.recorder.until_quiet()
    player.forward(since=after)
    left = [
        lab.cluster.api.get(path)["spec"]["http"][0].get("timeout")
        for path in _routes(player, struck)
    ]
    assert not any(left), left


def _routes(player: Player, change: Change) -> list[str]:
    """Where the VirtualServices are that lead to the service."""
    base = "/apis/networking.istio.io/v1/namespaces"
    names = player.recorder.last().of("VirtualService")
    return [f"{base}/{one}/virtualservices/{name}" for one, name in names if change.name in name]


# Playing, and what is wrong with what was played.


def play_cases(
    lab: Lab, cases: Sequence[str], config: pytest.Config, *, at_once: int = AT_ONCE
) -> Iterator[Trace | str]:
    """The traces of every play of *cases*, or of those that ``--plays`` names as CASE/PLAY.

    Side by side they wait for each other, and some for too long. So one that fails is played again
    in the end, with nobody beside it, and that is said (``PLAYED_AGAIN``): who fails twice has failed.
    """
    asked = config.getoption("--plays")
    made = [(case, name, one) for case in cases for name, one in scripts(case).items()]
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        chosen = [one for one in made if re.search(asked, f"{one[0]}/{one[1]}")]
        played = list(pool.map(lambda one: _play(lab, *one), chosen))
    for (case, name, script), one in zip(chosen, played, strict=True):
        failed = [one] if isinstance(one, str) else list(wrong(case, one))
        _say(f"{case}/{name}: {line}" for line in failed)
        yield _play(lab, case, name, script) if failed else one


def twice(play: Callable[[], list[str]]) -> list[str]:
    """What is wrong with *play*; when anything is, that is said, and it is played once more."""
    failed = play()
    _say(failed)
    return play() if failed else []


def _say(lines: Iterable[str]) -> None:
    with PLAYED_AGAIN.open("a") as said:
        said.writelines(f"{line}\n" for line in lines)


def play_restarted(lab: Lab, *cases: str) -> Iterator[Trace | str]:
    """The traces of plays that wait for each other, and for one restart of the controller."""
    count = sum(len(restarted(case, threading.Barrier(1))) for case in cases)
    together = threading.Barrier(count + 1)
    made = [(case, *one) for case in cases for one in restarted(case, together).items()]
    with ThreadPoolExecutor(max_workers=count) as pool:
        played = pool.map(lambda one: _play(lab, *one), made)
        # Here, for a process ends with the thread that has started it.
        with suppress(threading.BrokenBarrierError):
            together.wait(TOGETHER)
            lab.controls.restart()
            together.wait(TOGETHER)
        yield from played


def wrong(case: str, trace: Trace) -> Iterator[str]:
    """How *trace* is not what the model, the plan and the verdict say."""
    release = release_of(case)
    made = Case(case, release)
    if problem := disagreement(made.plan, table_of(release), trace):
        yield problem
    for invariant, what in broken(made.plan, trace).items():
        if invariant not in reported(case):
            yield f"{case}/{trace.play} breaks {invariant}, which verify does not tell: {what}"


@cache
def reported(case: str) -> frozenset[Invariant]:
    """What ``verify`` says that the release breaks."""
    return frozenset(one.invariant for one in verify(release_of(case)).counterexamples)


def play_one(lab: Lab, made: Callable[[str], Case], name: str, script: Script) -> Trace | str:
    """The trace of *script* with what *made* makes for a prefix, or what went wrong."""
    try:
        with playing(lab.cluster, lab.controls, lab.watches, made) as player:
            try:
                script(player, lab)
                return player.trace(name)
            except Exception:  # noqa: BLE001 (one play is not to end the others)
                trace = player.trace(name)
                return f"{trace.case}/{name}: {traceback.format_exc()}\n{trace.text()}"
    except Exception:  # noqa: BLE001
        return f"{name}: {traceback.format_exc()}"


def _play(lab: Lab, case: str, name: str, script: Script) -> Trace | str:
    return play_one(lab, lambda prefix: golden(case, prefix, lab.prometheus.url), name, script)


def settled(played: Iterator[Trace | str], config: pytest.Config) -> list[str]:
    """What is wrong with *played*; with ``--record`` the traces are kept, whatever they say."""
    found = []
    record = config.getoption("--record")
    for one in played:
        if isinstance(one, str):
            found.append(one)
            continue
        if record:
            one.file.parent.mkdir(exist_ok=True, parents=True)
            one.file.write_text(one.text())
        found += list(wrong(one.case, one))
    return found
