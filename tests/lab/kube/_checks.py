"""What must hold of a release that was played."""

from collections.abc import Iterable
from typing import Final

from lab.kube._play import Played, Player
from lab.kube._traffic import ready_versions

WHOLE: Final = 10_000


def broken(player: Player, played: Iterable[Played]) -> list[str]:
    """In which recorded states a request got a 503, or met both versions."""
    return [line for one in played for line in _broken(player, one)]


def as_planned(player: Player, played: Iterable[Played]) -> None:
    """At the end of each step routes lead where the plan says."""
    for one in played:
        _as_planned(player, one)


def all_is_back(player: Player, played: Played) -> None:
    """The old versions answer everybody, and nothing of the new ones is left."""
    state = played.states[-1]
    for change in player.release.changes:
        for lane in (True, False):
            assert player.answers(state, change, lane=lane).parts == ((change.old, 100),)
        assert ready_versions(state, change.name, change.label) == {change.old}


def _broken(player: Player, played: Played) -> list[str]:
    found = []
    least, most = played.dyed
    for state in played.states:
        for lane in (True,) * (most > 0) + (False,) * (least < WHOLE):
            answers = [player.answers(state, one, lane=lane) for one in player.release.changes]
            together = frozenset[str]().union(*(one.versions for one in answers))
            if "503" in together or len(together) > 1:
                who = "dyed" if lane else "undyed"
                seen = [sorted(one.versions) for one in answers]
                found.append(f"{played.step.id} at {state.at:.2f} s, {who}: {seen}")
    return found


def _as_planned(player: Player, played: Played) -> None:
    state = played.states[-1]
    for change in player.release.changes:
        routes = player.plan.routes_at(played.step.number)[change.name]
        base = player.answers(state, change, lane=False)
        assert base.parts == tuple((one, part // 100) for one, part in routes.base), played.step.id
        leads = routes.lane or routes.base[0][0]
        there = leads in ready_versions(state, change.name, change.label)
        lane = player.answers(state, change, lane=True)
        assert lane.versions == {leads if there else "503"}, played.step.id
