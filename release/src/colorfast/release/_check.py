"""What takes two values of a LaneRelease to tell, or two files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from colorfast.policy import Mesh, Policy, Rule, Service, Split
from colorfast.policy._source import Document, Path
from colorfast.release._model import STYLES_OF, Controller
from colorfast.release._spec import ChangeModel, ReleaseSpec

_SPEC: Path = ("spec",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What parsed of a release and of the files that it names."""

    document: Document
    spec: ReleaseSpec
    broken: frozenset[str]
    """Fields that are there and cannot be used."""
    controller: Controller
    policy: Policy | None
    mesh: Mesh | None

    @property
    def locked(self) -> bool:
        """Whether the versions belong together."""
        return self.spec.pattern == "locked"

    def known(self) -> Iterator[tuple[Path, Service, ChangeModel]]:
        """The services that mesh and release have, with their places."""
        if self.mesh is None:
            return
        services = {service.name: service for service in self.mesh.services}
        for name, change in self.spec.services.items():
            if name in services:
                yield (*_SPEC, "services", name), services[name], change


def version_label(draft: Draft, service: Service, change: ChangeModel) -> str | None:
    """The key of the label that tells the two versions apart; None when no label does."""
    assert draft.policy is not None  # noqa: S101 (the caller has looked)
    old = dict(service.labels_of(draft.policy.baseline))
    keys = [key for key, value in old.items() if value == change.from_]
    if draft.locked and draft.spec.lane is not None:
        new = dict(service.labels_of(draft.spec.lane))
        keys = [key for key in keys if new.get(key) == change.to]
    return keys[0] if keys else None


def _names(draft: Draft) -> None:
    if draft.mesh is None:
        return
    known = [service.name for service in draft.mesh.services]
    named: list[tuple[Path, str]] = [
        ((*_SPEC, "services", name), name) for name in draft.spec.services
    ]
    named += [((*_SPEC, "drops", index), name) for index, name in enumerate(draft.spec.drops)]
    for path, name in named:
        if name not in known:
            draft.document.report(
                "CF801",
                path,
                f"mesh {draft.mesh.name} has no service {name}",
                fix=f"name one of {', '.join(known)}",
                at_key=True,
            )


def _versions(draft: Draft) -> None:
    if draft.policy is None or draft.policy.baseline == draft.spec.lane:
        return  # of a lane that is the baseline is said what there is to say
    base, lane = draft.policy.baseline, draft.spec.lane
    for path, service, change in draft.known():
        if change.from_ == change.to:
            _misfit(draft, path, f"{service.name} goes from {change.from_} to itself")
        elif draft.locked and lane is not None and lane not in service.lanes:
            _misfit(
                draft,
                path,
                f"{service.name} is not deployed in {lane}",
                fix=f"give the mesh the labels of both: lanes: {{{base}: {{version: "
                f"{change.from_}}}, {lane}: {{version: {change.to}}}}}",
            )
        elif version_label(draft, service, change) is None:
            wanted = f"{change.from_} in {base}"
            if draft.locked:
                wanted += f" and {change.to} in {lane}"
            _misfit(
                draft,
                path,
                f"no label of {service.name} has the value {wanted}",
                why="routes and controllers tell the versions apart by that label",
                fix="write from and to as the labels of the lanes have it in the mesh",
            )


def _misfit(draft: Draft, path: Path, what: str, *, why: str = "", fix: str = "") -> None:
    draft.document.report("CF802", path, what, why=why, fix=fix, at_key=True)


def _lane_is_whole(draft: Draft) -> None:
    lane = draft.spec.lane
    if draft.mesh is None or not draft.locked or lane is None:
        return
    for service in draft.mesh.services:
        if lane in service.lanes and service.name not in draft.spec.services:
            _misfit(
                draft,
                (*_SPEC, "lane"),
                f"{service.name} is deployed in {lane} and is not part of the release",
                why="at the end of a release its lane is empty",
                fix="add it to services, or give the release a lane of its own",
            )


def _lane_is_free(draft: Draft) -> None:
    lane, policy = draft.spec.lane, draft.policy
    if policy is None or lane is None or not draft.locked:
        return
    taken = _taken(policy, lane, f"release-{_name(draft)}")
    if taken is not None:
        draft.document.report(
            "CF803",
            (*_SPEC, "lane"),
            taken,
            why="requests would be in the lane before its pods are, and when they are gone",
            fix="park or remove that while the release runs, or use another lane",
        )


def _taken(policy: Policy, lane: str, own: str) -> str | None:
    """Why *lane* is not the release's alone; None when it is."""
    if lane not in policy.lanes:
        return f"{lane} is no lane of policy {policy.name}"
    if lane == policy.baseline:
        return f"{lane} is the baseline"
    if policy.default == lane:
        return f"{lane} is the default of policy {policy.name}"
    if lane in policy.edge.accept:
        return f"clients may choose {lane}"
    if any(lane in pair for pair in policy.parents):
        return f"{lane} has a parent or is one"
    for rule in policy.rules:
        if rule.name == own:
            return f"policy {policy.name} has the rule {own} already"
        if rule.enabled and lane in _lanes_of(rule):
            return f"rule {rule.name} gives {lane}"
    return None


def _lanes_of(rule: Rule) -> tuple[str, ...]:
    if isinstance(rule.gives, Split):
        return (*(share.lane for share in rule.gives.shares), rule.gives.otherwise or "")
    return (rule.gives,)


def _requests_are_left(draft: Draft) -> None:
    by_dye = draft.locked and draft.spec.share in (None, "dye")
    if draft.policy is None or not by_dye:
        return
    for rule in draft.policy.active_rules:
        if not rule.entries:
            draft.document.report(
                "CF811",
                (*_SPEC, "policy"),
                f"rule {rule.name} matches every request",
                why="until everybody is dyed the release's rule is the last, so that requests with "
                "a lane of their own keep it",
                fix="park that rule while the release runs",
            )


def _name(draft: Draft) -> str:
    data = draft.document.data.get("metadata")
    return str(data.get("name")) if isinstance(data, dict) else ""


def _keys(draft: Draft) -> None:
    spec = draft.spec
    by_dye = draft.locked and spec.share in (None, "dye")
    parts = {
        "lane": draft.locked,
        "style": draft.locked,
        "share": draft.locked,
        "drops": draft.locked,
        "split": by_dye,
        "finish": spec.pattern != "single",
    }
    for key, has_part in parts.items():
        if not has_part and getattr(spec, key):
            where = f"pattern {spec.pattern}"
            where += f" with share {spec.share}" if draft.locked else ""
            draft.document.report(
                "CF805",
                (*_SPEC, key),
                f"{key} has no part in {where}",
                fix="remove it",
                at_key=True,
            )
    needed = {"lane": draft.locked, "split": by_dye}
    for key, is_needed in needed.items():
        if is_needed and getattr(spec, key) is None and key not in draft.broken:
            draft.document.report("CF804", _SPEC, f"pattern {spec.pattern} needs {key}")


def _style(draft: Draft) -> None:
    style, styles = draft.spec.style, STYLES_OF[draft.controller]
    if draft.locked and style is not None and style not in styles:
        draft.document.report(
            "CF806",
            (*_SPEC, "style"),
            f"{draft.controller} cannot play style {style}",
            fix=f"use {' or '.join(styles)}",
        )


def _weights(draft: Draft) -> None:
    before = 0
    for index, stage in enumerate(draft.spec.steps):
        if stage.weight <= before:
            draft.document.report(
                "CF807",
                (*_SPEC, "steps", index, "weight"),
                f"{stage.weight / 100:g} follows {before / 100:g}",
                why="who has had the new version would get the old one again",
                fix="let each step be larger than the one before",
            )
        before = stage.weight
    if before != 10_000 and "steps" not in draft.broken:
        at = (*_SPEC, "steps", len(draft.spec.steps) - 1, "weight")
        draft.document.report(
            "CF807", at, "the last step is not 100", fix="add a step with weight: 100"
        )


def _number(draft: Draft) -> None:
    count = len(draft.spec.services)
    if draft.spec.pattern == "single" and count != 1:
        draft.document.report(
            "CF810",
            (*_SPEC, "services"),
            f"pattern single has {count} services",
            fix="use ordered or locked for several",
            at_key=True,
        )


CHECKS: tuple[Callable[[Draft], None], ...] = (
    _names,
    _versions,
    _lane_is_whole,
    _lane_is_free,
    _requests_are_left,
    _keys,
    _style,
    _weights,
    _number,
)
