"""The objects of a release: one folder a step of its plan, one file an object."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from colorfast.k8s import Json, dump, slug
from colorfast.policy import Diagnostic, InvalidInput
from colorfast.release._model import Controller, Release
from colorfast.release._plan import plan
from colorfast.release._steps import Step
from colorfast.release.generate import _argo, _flagger, _istio, _kruise, _kubevela
from colorfast.release.generate._errors import finding
from colorfast.release.generate._routes import moved
from colorfast.release.generate._runbook import runbook
from colorfast.release.generate._site import Site, unsent
from colorfast.release.generate._subsets import in_the_way

INSTALL = "00-install"
"""Folder of what stands before the release."""

WORKFLOW = "01-workflow"
"""Folder of the Application that plays the plan, with KubeVela."""

ROLLBACK = "rollback"
"""Folder of the folders that take a release back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Files by their names, and what is to be said about them."""

    files: dict[str, str]
    folders: tuple[str, ...]
    """Those with objects, in the order in which they are applied; a rollback's come last."""
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Player:
    """What one controller is given."""

    install: Callable[[Site], Iterator[Json]]
    pods: Callable[[Site, Step], Iterator[Json]]
    check: Callable[[Site], Iterator[Diagnostic]] = lambda site: iter(())
    beside: Callable[[Site, Step], Iterator[Json]] = lambda site, step: iter(())
    """What runs while a step lasts."""
    finish: Callable[[Site, Json], Json] = lambda site, one: one
    """What is added to every object."""
    routes: Callable[[Site, Json], Json] = lambda site, one: one
    """What becomes of a VirtualService."""


_PLAYERS: dict[Controller, _Player] = {
    "argo-rollouts": _Player(
        install=_argo.install,
        pods=_argo.pods,
        check=_argo.check,
        beside=_argo.beside,
        finish=_argo.waved,
    ),
    "kruise": _Player(install=_kruise.install, pods=_kruise.pods),
    "kubevela": _Player(install=_kubevela.install, pods=lambda site, step: iter(())),
    "flagger": _Player(
        install=_flagger.install,
        pods=_flagger.pods,
        check=_flagger.check,
        routes=_flagger.behind,
    ),
    "istio": _Player(install=_istio.install, pods=_istio.pods),
}


def generate(release: Release) -> Generated:
    """Everything that *release* needs, and the runbook.

    Raises InvalidInput (CF820 to CF825) when its controller would play it wrongly.
    """
    site = Site(release=release, plan=plan(release))
    player = _PLAYERS[release.controller]
    found = (*_check(site), *player.check(site))
    if any(one.level == "error" for one in found):
        raise InvalidInput(found)
    files: dict[str, str] = {}
    folders = []
    for folder, objects in _folders(site, player):
        made = {f"{folder}/{_file(one)}": dump([player.finish(site, one)]) for one in objects}
        if made:
            folders.append(folder)
            files |= made
    files["runbook.md"] = runbook(site, sorted(files))
    return Generated(
        files=dict(sorted(files.items())), folders=tuple(folders), diagnostics=tuple(found)
    )


def _folders(site: Site, player: _Player) -> Iterator[tuple[str, list[Json]]]:
    yield INSTALL, list(player.install(site))
    if site.release.controller == "kubevela":
        yield WORKFLOW, [_kubevela.workflow(site)]
    else:
        for step in site.plan.steps:
            yield step.id, list(_objects(site, player, step))
    for step in site.plan.rollback:
        yield f"{ROLLBACK}/{step.id}", list(_objects(site, player, step))


def _objects(site: Site, player: _Player, step: Step) -> Iterator[Json]:
    if step.policy is not None:
        yield step.policy
    if step.kind == "routes" and routes_are_ours(site):
        yield from (player.routes(site, one) for one in moved(site, step))
    elif step.kind != "policy":
        yield from player.pods(site, step)
    yield from player.beside(site, step)


def routes_are_ours(site: Site) -> bool:
    """Whether steps write routes, and not the controller."""
    release = site.release
    if site.locked and release.style != "managed":
        return True
    return release.controller in ("istio", "kubevela")


def _file(one: Json) -> str:
    """As ``colorfast build`` names files; a LanePolicy need not say its namespace."""
    metadata = one["metadata"]
    name = f"{one['kind'].lower()}-{metadata['name']}.yaml"
    namespace = metadata.get("namespace")
    return f"{namespace}/{name}" if namespace else name


def _check(site: Site) -> Iterator[Diagnostic]:
    release = site.release
    by_routes = not site.locked or release.share != "dye"
    for stage in release.stages:
        if by_routes and stage.weight % 100:
            yield finding(
                release,
                "CF821",
                f"a step has {stage.percent} of the requests",
                why="routes know whole percents only",
                fix="write whole percents, or let the dye draw: pattern: locked, share: dye",
            )
    if unsent(site):
        yield finding(
            release,
            "CF826",
            f"no rule of policy {release.policy.name} reads {' or '.join(unsent(site))}",
            why="the gateways' filters send what the policy reads that they were built from: "
            "without it nobody gets the share",
            fix="before the release build them from a policy that reads it, such as one of a dye",
        )
    if release.analysis is not None and not _measures(site):
        yield finding(
            release,
            "CF827",
            "analysis is not used",
            why=f"{release.controller} takes no measurements in such a release",
            fix="ask Prometheus before each step, or use argo-rollouts or kubevela",
        )
    if release.mesh.fallback == "endpoints":
        yield from _named_by_filters(site)
    if site.locked and release.share != "dye" and _keeps_routes(site):
        yield finding(
            release,
            "CF822",
            f"{release.controller} cannot play share: {release.share}",
            why="its own routes are in the way of the weights",
            fix="use share: dye",
        )


def _measures(site: Site) -> bool:
    if site.release.controller == "flagger":
        # A Canary that fails loses its pods, and requests may be in the lane.
        return not site.locked
    return site.release.controller in ("argo-rollouts", "kubevela")


def _named_by_filters(site: Site) -> Iterator[Diagnostic]:
    for change in site.release.changes:
        for lane in in_the_way(site, change):
            yield finding(
                site.release,
                "CF825",
                f"the release needs a subset {slug(lane)} of {change.name}, which is a lane",
                why="with fallback: endpoints filters name the subsets of lanes, and do not change",
                fix="give that lane another name",
                change=change,
            )


def _keeps_routes(site: Site) -> bool:
    release = site.release
    return release.controller == "flagger" or (
        release.controller == "kruise" and release.style == "managed"
    )
