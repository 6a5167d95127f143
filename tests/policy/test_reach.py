"""Which version of a service a lane leads to."""

from dataclasses import replace

import pytest

from colorfast.lane import LaneSet
from colorfast.policy import (
    InvalidInput,
    LaneRoute,
    Mesh,
    Service,
    check_fit,
    lane_routes,
    lane_targets,
    load_mesh,
    load_policy,
)

POLICY = load_policy(
    "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"
    '  lanes: [base, canary, blue, "pr-*"]\n'
    "  parents: {pr-42: canary, blue: canary}\n"
    "  default: base\n"
).policy
FRONT = Service(name="front", lanes=("base", "canary", "pr-42"), calls=("back", "side"))
BACK = Service(name="back", lanes=("base", "canary"), calls=("side",))
SIDE = Service(name="side", lanes=("base", "pr-7"))
MESH = Mesh(name="m", entry="front", services=(FRONT, BACK, SIDE))
STRICT = replace(MESH, strict=LaneSet(("canary", "pr-*")))
READY = replace(MESH, fallback="endpoints")


@pytest.mark.parametrize(
    ("service", "lane", "target"),
    [
        (FRONT, None, "base"),
        (FRONT, "base", "base"),
        (FRONT, "canary", "canary"),
        (FRONT, "pr-42", "pr-42"),
        (BACK, "pr-42", "canary"),
        (SIDE, "pr-42", "base"),
        (SIDE, "pr-7", "pr-7"),
        (BACK, "pr-7", "base"),
        (BACK, "blue", "canary"),
        (SIDE, "blue", "base"),
        (FRONT, "pr-999", "base"),
    ],
)
def test_a_lane_leads_to_itself_or_a_parent_or_the_baseline(
    service: Service, lane: str | None, target: str
) -> None:
    assert lane_targets(POLICY, MESH, service, lane) == (target,)


@pytest.mark.parametrize(
    ("service", "lane", "targets"),
    [
        (FRONT, "canary", ("canary",)),
        (SIDE, "canary", ()),
        (BACK, "pr-42", ()),
        (SIDE, "pr-999", ()),
        (SIDE, "blue", ("base",)),
        (FRONT, None, ("base",)),
    ],
)
def test_a_strict_lane_leads_to_itself_or_nowhere(
    service: Service, lane: str | None, targets: tuple[str, ...]
) -> None:
    assert lane_targets(POLICY, STRICT, service, lane) == targets


@pytest.mark.parametrize(
    ("service", "lane", "targets"),
    [
        (FRONT, "pr-42", ("pr-42", "canary", "base")),
        (BACK, "pr-42", ("canary", "base")),
        (SIDE, "pr-42", ("base",)),
        (FRONT, None, ("base",)),
    ],
)
def test_who_falls_back_by_endpoints_may_go_all_the_way(
    service: Service, lane: str | None, targets: tuple[str, ...]
) -> None:
    assert lane_targets(POLICY, READY, service, lane) == targets


@pytest.mark.parametrize(
    ("service", "routes"),
    [
        (FRONT, {("canary", "canary"), ("blue", "canary"), ("pr-42", "pr-42")}),
        (BACK, {("canary", "canary"), ("blue", "canary"), ("pr-42", "canary")}),
        (SIDE, {("pr-7", "pr-7")}),
    ],
)
def test_only_lanes_that_leave_the_baseline_need_a_route(
    service: Service, routes: set[tuple[str, str]]
) -> None:
    assert {(r.lane, *r.targets) for r in lane_routes(POLICY, MESH, service)} == routes


def test_a_strict_family_refuses_behind_its_deployed_members() -> None:
    routes = lane_routes(POLICY, STRICT, SIDE)
    assert LaneRoute(lane="pr-7", targets=("pr-7",)) in routes
    assert LaneRoute(lane="canary", targets=()) in routes
    assert routes[-1] == LaneRoute(lane="pr-*", targets=())


MISFITS = [
    ("a is not deployed in base", "services: {a: {lanes: [canary]}}", "5:14"),
    ("no lane of policy x", "services: {a: {lanes: [base, red]}}", "5:14"),
    ("red is strict", "services: {a: {lanes: [base]}}\n  strict: [red]", "6:3"),
    ("red-. is strict", 'services: {a: {lanes: [base]}}\n  strict: ["red-*"]', "6:3"),
    ("baseline base cannot be", "services: {a: {lanes: [base]}}\n  strict: [base]", "6:3"),
]
HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LaneMesh\nmetadata: {name: m}\nspec:\n"


@pytest.mark.parametrize(("what", "rest", "position"), MISFITS)
def test_a_mesh_that_does_not_fit_its_policy_is_refused(
    what: str, rest: str, position: str
) -> None:
    mesh = load_mesh(f"{HEAD}  {rest}\n  entry: a\n", file="m.yaml")
    with pytest.raises(InvalidInput, match=what) as caught:
        check_fit(POLICY, mesh)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.position) == ("CF224", f"m.yaml:{position}")


def test_a_strict_lane_that_the_policy_has_fits() -> None:
    check_fit(POLICY, STRICT)
