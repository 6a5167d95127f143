"""Plans of services whose versions get along with each other: weights of routes, one by one."""

from collections.abc import Iterator

from colorfast.release._model import Change, Release
from colorfast.release._steps import WHOLE, ServiceRoutes, Step


def weighted(release: Release) -> tuple[Step, ...]:
    """The steps of *release*; numbers are not yet given."""
    order = release.order if release.finish == "last" else release.order[::-1]
    return tuple(step for change in order for step in _service(release, change))


def _service(release: Release, change: Change) -> Iterator[Step]:
    name = change.name
    yield Step(
        action="deploy",
        title=f"start {change.new} of {name}",
        why=_order(release, change),
        until="its new pods are ready",
        services=(name,),
        undo="abort: the new pods go",
        routes=(_routes(change, 0),),
    )
    for stage in release.stages:
        yield Step(
            action="weigh",
            title=f"give {change.new} {stage.percent} of the requests to {name}",
            why="the controller sets the weights of the route; each request is drawn anew",
            until="the analysis agrees" if release.analysis else "nothing speaks against it",
            services=(name,),
            weight=stage.weight,
            pause=stage.pause,
            undo=f"abort {name} alone: {change.old} gets all requests",
            routes=(_routes(change, stage.weight),),
        )
    yield Step(
        action="promote",
        title=f"promote {change.new} of {name}; the old pods go",
        why="no request reaches them",
        until="every old pod is gone",
        services=(name,),
        undo=f"release {change.old} as a new version",
        routes=(_routes(change, WHOLE),),
    )


def _order(release: Release, change: Change) -> str:
    if release.pattern == "single":
        return "it gets no requests yet"
    if release.finish == "first":
        return "callers first: an old version that is called may lack what a new caller wants"
    called = [name for name in change.service.calls if release.change(name)]
    if not called:
        return "it calls nothing of this release, so nothing has to be there before it"
    return f"what it calls has been released before it: {', '.join(called)}"


def weighted_rollback(release: Release) -> tuple[Step, ...]:
    """How to give *release* up: the service that is being released goes back, and it alone."""
    names = tuple(change.name for change in release.order)
    return (
        Step(
            action="weigh",
            title="give the old version all requests",
            why="services that were promoted before stay: they get along with it",
            until="every proxy has the routes",
            services=names,
            weight=0,
            when="the service that is being released",
            routes=tuple(_routes(change, 0) for change in release.order),
        ),
        Step(
            action="scale-down",
            title="abort its controller; the new pods go",
            why="no request reaches them",
            until="every new pod is gone",
            services=names,
            when="the service that is being released",
        ),
    )


def _routes(change: Change, weight: int) -> ServiceRoutes:
    both = ((change.old, WHOLE - weight), (change.new, weight))
    return ServiceRoutes(service=change.name, base=tuple(one for one in both if one[1]))
