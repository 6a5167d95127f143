"""Which version of a service a lane leads to."""

import pytest

from colorfast.mesh import path_of, target_lane
from colorfast.mesh._routes import exceptions
from colorfast.policy import Mesh, Service, load_policy

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
    assert target_lane(POLICY, service, lane) == target


@pytest.mark.parametrize(
    ("service", "routes"),
    [
        (
            FRONT,
            [("canary", "canary"), ("blue", "canary"), ("pr-42", "pr-42")],
        ),
        (BACK, [("canary", "canary"), ("blue", "canary"), ("pr-42", "canary")]),
        (SIDE, [("pr-7", "pr-7")]),
    ],
)
def test_only_lanes_that_leave_the_baseline_need_a_route(
    service: Service, routes: list[tuple[str, str]]
) -> None:
    assert sorted(exceptions(POLICY, MESH, service)) == sorted(routes)


def test_a_path_tells_every_hop_in_the_order_of_the_calls() -> None:
    assert path_of(POLICY, MESH, "pr-42") == (
        "-> front(version: pr-42) -> back(version: canary) -> side(version: base)"
        " -> side(version: base)"
    )
    assert path_of(POLICY, MESH, None) == (
        "-> front(version: base) -> back(version: base) -> side(version: base)"
        " -> side(version: base)"
    )
