"""The steps of a plan as they are played, forward and back, and what is in force after each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from colorfast.release import Plan, ServiceRoutes, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What the steps so far have set."""

    routes: Mapping[str, ServiceRoutes]
    """Of every service of the release."""
    drawn: int = 0
    """Parts of 10,000 that the entrances put into the release's lane."""

    def after(self, step: Step, services: tuple[str, ...]) -> "InForce":
        """The same after *step*, as far as it is for *services*."""
        moved = {one.service: one for one in step.routes if one.service in services}
        # The weights that come without routes are those of the entrances.
        draws = step.action in ("dye", "undye") or (step.action == "weigh" and not step.routes)
        drawn = (step.weight or 0) if draws else self.drawn
        return InForce(routes={**self.routes, **moved}, drawn=drawn)

    def one_by_one(self, then: "InForce") -> Iterator["InForce"]:
        """The way to *then*, on which the routes of one service change at a time."""
        now = self
        for name, routes in then.routes.items():
            if routes != now.routes[name]:
                now = replace(now, routes={**now.routes, name: routes})
                yield now
        if now != then:
            yield then


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A step of the plan or of its rollback; the first one is before the release."""

    number: int
    """Counted from 0, forward and back."""
    now: InForce
    """After the step."""
    step: Step | None = None
    services: tuple[str, ...] = ()
    """Whose routes or pods the step is about here."""
    is_back: bool = False
    """Whether the step is one of the rollback."""

    @property
    def label(self) -> str:
        """The step's number as the plan has it: ``3``, or ``r3`` in a rollback."""
        number = self.step.number if self.step is not None else 0
        return f"r{number}" if self.is_back else f"{number}"

    @property
    def title(self) -> str:
        """What the step does."""
        return self.step.title if self.step is not None else "before the release"

    def next(self, step: Step, services: tuple[str, ...], *, is_back: bool) -> "Scene":
        """The scene that follows when *step* is done for *services*."""
        return Scene(
            number=self.number + 1,
            now=self.now.after(step, services),
            step=step,
            services=services,
            is_back=is_back,
        )


def scenes(made: Plan, give_up_after: int | None = None) -> tuple[Scene, ...]:
    """What there is to play: all of *made*, or its steps up to a number and then its rollback."""
    found = [Scene(number=0, now=InForce(routes=made.routes_at(0)))]
    done = made.steps[:give_up_after]
    for step in done:
        found.append(found[-1].next(step, step.services, is_back=False))
    if give_up_after is not None:
        for step, services in _way_back(made, done):
            found.append(found[-1].next(step, services, is_back=True))
    return tuple(found)


def _way_back(made: Plan, done: tuple[Step, ...]) -> Iterator[tuple[Step, tuple[str, ...]]]:
    """The steps of the rollback that are needed after *done*, and the services that need them."""
    started, promoted = _of(done, "deploy"), _of(done, "promote")
    has_moved = any(step.action in ("switch", "promote") for step in done)
    for step in made.rollback:
        services = step.services
        if made.release.pattern != "locked":  # a service that is through stays
            services = tuple(one for one in services if one in started - promoted)
        elif step.is_for_gone:
            services = tuple(one for one in services if one in promoted)
        in_vain = bool(step.services) and not services
        if not in_vain and (has_moved or not step.is_for_moved):
            yield step, services


def _of(steps: tuple[Step, ...], action: str) -> set[str]:
    return {name for step in steps if step.action == action for name in step.services}
