"""What ``verify`` predicts of random releases, beside requests that follow the routes of each step."""

from collections.abc import Iterator
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from release.test_random_releases import drawn_releases

from colorfast.mesh.release._load import USERS, Answer
from colorfast.mesh.release._predicted import Comparison
from colorfast.mesh.release._scenes import InForce, Scene, scenes
from colorfast.mesh.release._seen import seen
from colorfast.release import WHOLE, Plan, Release, plan
from colorfast.release.verify import verify

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Requests:
    """Requests that come when a step is through: versions are drawn as its routes say."""

    def __init__(self, release: Release, seed: int) -> None:
        self._release = release
        self._random = Random(seed)
        self._now = 0

    def answers(self, play: tuple[Scene, ...]) -> Iterator[Answer]:
        for scene in play:
            for number in range(USERS):
                for entrance in self._release.entrances:
                    yield self._answer(scene, entrance, number)

    def _answer(self, scene: Scene, entrance: str, number: int) -> Answer:
        self._now += 1
        sticky = self._release.sticky is not None
        drawn = number * WHOLE // USERS if sticky else self._random.randrange(WHOLE)
        return Answer(
            scene=scene.number,
            settled=True,
            entrance=entrance,
            user=number if sticky else number % 5,
            began=self._now,
            ended=self._now + 0.5,
            path=tuple(self._hops(scene.now, entrance, dyed=drawn < scene.now.drawn)),
        )

    def _hops(self, now: InForce, name: str, *, dyed: bool) -> Iterator[tuple[str, str]]:
        routes = now.routes.get(name)
        if routes is None:
            yield name, "base"
        elif dyed and routes.lane is not None:
            yield name, routes.lane
        else:
            versions, weights = zip(*routes.base, strict=True)
            yield name, self._random.choices(versions, weights)[0]
        for called in self._release.mesh.service(name).calls:
            yield from self._hops(now, called, dyed=dyed and name not in self._release.drops)


def compared(made: Plan, seed: int, give_up_after: int | None) -> Comparison:
    play = scenes(made, give_up_after)
    answers = list(Requests(made.release, seed).answers(play))
    steps = [seen(made.release, scene, answers) for scene in play]
    return Comparison(verdict=verify(made.release), play=play, answers=answers, steps=steps)


@FEW
@given(release=drawn_releases(), seed=st.integers(0, 2**16), after=st.integers(0, 12))
def test_what_is_seen_of_any_release_is_as_predicted(
    release: Release, seed: int, after: int
) -> None:
    made = plan(release)
    give_up_after = after if 0 < after < len(made.steps) else None
    found = compared(made, seed, give_up_after)
    assert found.is_as_predicted, "\n".join(found.lines())
