"""The path that a lane takes."""

from dataclasses import replace

from colorfast.lane import LaneSet
from colorfast.mesh import path_of
from colorfast.mesh._routes import REFUSED
from colorfast.policy import Mesh, Service, load_policy

POLICY = load_policy(
    "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"
    "  lanes: [base, canary, pr-42]\n"
    "  parents: {pr-42: canary}\n"
).policy
FRONT = Service(name="front", lanes=("base", "canary", "pr-42"), calls=("back", "side"))
BACK = Service(name="back", lanes=("base", "canary"), calls=("side",))
SIDE = Service(name="side", lanes=("base",))
MESH = Mesh(name="m", entry="front", services=(FRONT, BACK, SIDE))


def test_a_path_tells_every_hop_in_the_order_of_the_calls() -> None:
    assert path_of(POLICY, MESH, "pr-42") == (
        "-> front(version: pr-42) -> back(version: canary) -> side(version: base)"
        " -> side(version: base)"
    )
    assert path_of(POLICY, MESH, None) == (
        "-> front(version: base) -> back(version: base) -> side(version: base)"
        " -> side(version: base)"
    )


def test_a_strict_lane_is_refused_where_it_is_not_deployed() -> None:
    strict = replace(MESH, strict=LaneSet(("pr-42",)))
    assert path_of(POLICY, strict, "pr-42") == REFUSED
    assert path_of(POLICY, strict, None) != REFUSED
