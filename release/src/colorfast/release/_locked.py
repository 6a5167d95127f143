"""Plans of releases whose versions belong together: the dye moves the requests."""

from collections.abc import Iterator, Sequence

from colorfast.release._model import Change, Release
from colorfast.release._policies import dyed
from colorfast.release._steps import GONE, MOVED, RUNNING, WHOLE, ServiceRoutes, Step

_SETTLED = "every proxy has the routes, and requests that had begun are done"
_DYED = "every replica that dyes has this policy, and requests that had begun are done"


def locked(release: Release) -> tuple[Step, ...]:
    """The steps of *release*; numbers are not yet given."""
    if release.share == "weights":
        return tuple(_by_weights(release))
    return tuple(_by_lane(release))


def _by_lane(release: Release) -> Iterator[Step]:
    if release.style != "managed":
        yield _route(release)
    yield _deploy(release)
    yield from _shares(release)
    if release.finish == "first":
        first = [one for one in release.order if one.name in release.entrances]
        others = [one for one in release.order if one.name not in release.entrances]
        yield from _finish(release, first)
        yield _undye(release)
        yield from _finish(release, others)
    else:
        yield from _finish(release, release.order)
        yield _undye(release)
    if release.style != "managed":
        yield _unroute(release)


def _by_weights(release: Release) -> Iterator[Step]:
    yield _deploy(release)
    for stage in release.stages:
        yield Step(
            action="weigh",
            title=f"give the new versions {stage.percent} of each service's requests",
            why="every service draws for itself",
            until=_SETTLED,
            services=_names(release.order),
            weight=stage.weight,
            pause=stage.pause,
            undo="give the old versions all requests",
            routes=_routes(release, release.order, weight=stage.weight, lane=False),
        )
    yield _promote(release, release.order)


def switches(release: Release) -> bool:
    """Whether base routes are moved by a step of the plan, and not by the controller."""
    return release.style == "version" and release.controller != "flagger"


def _finish(release: Release, changes: Sequence[Change]) -> Iterator[Step]:
    if not changes:
        return
    if switches(release):
        yield _switch(release, changes)
    yield _promote(release, changes)


def _route(release: Release) -> Step:
    return Step(
        action="route",
        title=f"add routes for lane {release.lane}",
        why="nobody is in the lane yet, so they change nothing",
        until=_SETTLED,
        services=_names(release.order),
        undo="remove them",
        routes=_routes(release, release.order, weight=0, lane=True),
    )


def _deploy(release: Release) -> Step:
    return Step(
        action="deploy",
        title="start the new versions at full size, without traffic",
        why="from the last share on they serve everybody: fewer pods than the old version has "
        "would not carry that",
        until="all new pods are ready",
        services=_names(release.order),
        undo="abort: the new pods go",
        routes=_routes(release, release.order, weight=0, lane=True)
        if release.style == "managed" and release.share != "weights"
        else (),
    )


def _shares(release: Release) -> Iterator[Step]:
    for stage in release.stages:
        everybody = stage.weight == WHOLE
        who = "everybody" if everybody else f"{stage.percent} of the requests"
        yield Step(
            action="dye" if release.share == "dye" else "weigh",
            title=f"dye {who}",
            why="who has no lane of his own and whose share was not reached before is now in the "
            "lane, at every service"
            if not everybody
            else "nobody is outside of the lane, so base routes and old pods serve nobody",
            until=_DYED if release.share == "dye" else _SETTLED,
            services=() if release.share == "dye" else release.entrances,
            weight=stage.weight,
            pause=stage.pause,
            undo="dye nobody: every request gets the old versions",
            policy=dyed(release, stage.weight) if release.share == "dye" else None,
        )


def _switch(release: Release, changes: Sequence[Change]) -> Step:
    return Step(
        action="switch",
        title="lead the base routes to the new versions",
        why="nobody follows them: everybody is in the lane, so the services need no order",
        until=_SETTLED,
        services=_names(changes),
        undo="lead them back, while everybody is still dyed",
        routes=_routes(release, changes, weight=WHOLE, lane=True),
    )


def _promote(release: Release, changes: Sequence[Change]) -> Step:
    keeps = release.style == "version"
    return Step(
        action="promote",
        title="promote the new versions; the old pods go",
        why="no route leads to the old pods"
        if keeps
        else "the controller moves its routes; everybody is in the lane meanwhile",
        until="every old pod is gone",
        services=_names(changes),
        undo="start the old version at full size again, before any route leads to it",
        routes=()
        if switches(release)
        else _routes(
            release,
            changes,
            weight=WHOLE,
            lane=release.style != "managed" and release.share != "weights",
        ),
    )


def _undye(release: Release) -> Step:
    by_dye = release.share == "dye"
    return Step(
        action="undye",
        title="dye nobody",
        why="the entrance is finished last: lane and base routes lead to the same versions at "
        "every service now, so it changes nothing for any request"
        if release.finish == "last"
        else "the entrance is finished before the others",
        until=_DYED if by_dye else _SETTLED,
        services=() if by_dye else release.entrances,
        undo="dye everybody again",
        policy=release.policy_object if by_dye else None,
    )


def _unroute(release: Release) -> Step:
    return Step(
        action="unroute",
        title=f"remove the routes of lane {release.lane}",
        why="nobody is in the lane; the next release starts without them",
        until=_SETTLED,
        services=_names(release.order),
        undo="add them again",
        routes=_routes(release, release.order, weight=WHOLE, lane=False),
    )


def locked_rollback(release: Release) -> tuple[Step, ...]:
    """How to give *release* up, from wherever it is."""
    if release.share == "weights":
        return (_weigh_back(release), _scale_down(release))
    if _draws_itself(release):
        # A controller that has promoted gives no share any more: everybody cannot be dyed again.
        return (_undye_first(release), _restore(release), _scale_down(release))
    return tuple(_back(release))


def _draws_itself(release: Release) -> bool:
    """Whether the controller gives the share, by weights at the entrance that it moves."""
    return release.share == "entrance" and release.style == "managed"


def _back(release: Release) -> Iterator[Step]:
    by_dye = release.share == "dye"
    if release.style != "managed":
        yield Step(
            action="route",
            title=f"add the routes of lane {release.lane} again",
            why="who is dyed would follow the base routes else",
            until=_SETTLED,
            services=_names(release.order),
            when=MOVED,
            routes=_routes(release, release.order, weight=WHOLE, lane=True),
        )
    yield Step(
        action="dye" if by_dye else "weigh",
        title="dye everybody again",
        why="base routes can be moved only while nobody follows them",
        until=_DYED if by_dye else _SETTLED,
        services=() if by_dye else release.entrances,
        weight=WHOLE,
        when=MOVED,
        policy=dyed(release, WHOLE) if by_dye else None,
    )
    yield _restore(release)
    if switches(release):
        yield Step(
            action="switch-back",
            title="lead the base routes to the old versions",
            why="nobody follows them yet",
            until=_SETTLED,
            services=_names(release.order),
            when=MOVED,
            routes=_routes(release, release.order, weight=0, lane=True),
        )
    yield _undye_first(release)
    if release.style != "managed":
        yield Step(
            action="unroute",
            title=f"remove the routes of lane {release.lane}",
            why="nobody is in the lane",
            until=_SETTLED,
            services=_names(release.order),
            when="always",
            routes=_routes(release, release.order, weight=0, lane=False),
        )
    yield _scale_down(release)


def _restore(release: Release) -> Step:
    also = (
        "; of a service that was not promoted the controller would take the new pods away, and "
        "everybody is dyed"
    )
    return Step(
        action="restore",
        title="start the old versions that are gone at full size again",
        why="a route must not lead to pods that are not there"
        + ("" if _draws_itself(release) else also)
        + _let_through(release),
        until="all old pods are ready" + _waits(release),
        services=_names(release.order),
        when=GONE,
    )


def _undye_first(release: Release) -> Step:
    argo_draws = _draws_itself(release) and release.controller == "argo-rollouts"
    return Step(
        action="undye",
        title="dye nobody",
        why="before anything else is aborted: a controller's abort moves routes and pods under "
        "the requests that are in the lane",
        until=_DYED if release.share == "dye" else _SETTLED,
        services=() if release.share == "dye" else release.entrances,
        when=RUNNING if argo_draws else "always",
        policy=release.policy_object if release.share == "dye" else None,
    )


def _weigh_back(release: Release) -> Step:
    return Step(
        action="weigh",
        title="give the old versions all requests",
        why="the new pods are about to go",
        until=_SETTLED,
        services=_names(release.order),
        weight=0,
        when="always",
        routes=_routes(release, release.order, weight=0, lane=False),
    )


def _scale_down(release: Release) -> Step:
    return Step(
        action="scale-down",
        title="abort the controllers; the new pods go",
        why="no request reaches them; where the old version was released again, that is promoted "
        "instead: there the new one is what an abort would go back to",
        until="every new pod is gone",
        services=_names(release.order),
        when="always",
    )


def _routes(
    release: Release, changes: Sequence[Change], *, weight: int, lane: bool
) -> tuple[ServiceRoutes, ...]:
    return tuple(
        ServiceRoutes(
            service=one.name,
            base=_weighted(one, weight),
            lane=one.new if lane else None,
        )
        for one in changes
    )


def _weighted(change: Change, weight: int) -> tuple[tuple[str, int], ...]:
    both = ((change.old, WHOLE - weight), (change.new, weight))
    return tuple(one for one in both if one[1])


def _names(changes: Sequence[Change]) -> tuple[str, ...]:
    return tuple(one.name for one in changes)


def _waits(release: Release) -> str:
    """Of controllers that are to be promoted then: what is typed before they pause is lost."""
    pausing = ("argo-rollouts", "kruise")
    return ", and every Rollout waits" if release.controller in pausing else ""


def _let_through(release: Release) -> str:
    """What was seen of a controller that is set back in the middle of a promotion."""
    if release.controller != "kruise":
        return ""
    return ". So it would while it still promotes: wait until its Rollout is Healthy, then begin"
