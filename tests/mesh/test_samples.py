"""What the demo expects of a policy that it does not know."""

import pytest

from colorfast.mesh import DEFAULT_MESH, DEFAULT_POLICY, path_of
from colorfast.mesh._samples import expected_baggage, expected_paths, foreign, samples
from colorfast.policy import Mesh, Policy, Service, load_mesh, load_policy

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"
MESH = Mesh(name="m", entry="a", services=(Service(name="a", lanes=("base", "canary")),))


def policy(spec: str) -> Policy:
    return load_policy(HEAD + spec).policy


def test_the_default_policy_shows_each_point_once() -> None:
    shop = load_policy(DEFAULT_POLICY.read_text()).policy
    shown = [sample.shows for sample in samples(shop)]
    assert len(shown) == len(set(shown)) == 6


def test_expectations_follow_from_policy_and_mesh() -> None:
    shop = load_policy(DEFAULT_POLICY.read_text()).policy
    mesh = load_mesh(DEFAULT_MESH.read_text())
    for sample in samples(shop):
        lane = "canary" if {"agent", "cookie"} & dict(sample.headers).keys() else "base"
        assert expected_paths(shop, mesh, sample) == (path_of(shop, mesh, lane),)


def test_where_lots_are_drawn_every_lot_is_expected() -> None:
    drawn = policy(
        "  lanes: [base, canary]\n  rules:\n"
        "  - {name: r, split: {by: [{cookie: uid}], weights: {canary: 1, base: 9999}, otherwise: random}}\n"
    )
    plain = samples(drawn)[0]
    assert set(expected_paths(drawn, MESH, plain)) == {
        "-> a(version: canary)",
        "-> a(version: base)",
    }


@pytest.mark.parametrize(
    ("spec", "members"),
    [
        ("  lanes: [base]\n  default: base\n", ("lane=base", "tenant=blue")),
        ("  lanes: [base]\n", ("tenant=blue",)),
        ("  lanes: [base]\n  default: base\n  edge: {baggage: {keep: false}}\n", ("lane=base",)),
        ("  lanes: [base]\n  member: dye\n  default: base\n", ("dye=base", "tenant=blue")),
    ],
)
def test_baggage_is_expected_as_the_edge_lets_it_in(spec: str, members: tuple[str, ...]) -> None:
    made = policy(spec)
    assert expected_baggage(made, foreign(made)) == members


@pytest.mark.parametrize("lanes", ['["*"]', '[base, "pr-*"]', "[base]"])
def test_every_policy_has_samples(lanes: str) -> None:
    made = policy(f"  lanes: {lanes}\n  header: x-dye\n  default: base\n")
    assert {name for sample in samples(made) for name, _ in sample.headers} >= {"x-dye", "baggage"}
