"""Rules about LanePolicies as objects of a cluster. What is wrong with one its loader says."""

from collections.abc import Iterator

from colorfast.k8s.lint._index import Index
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Manifest, Node
from colorfast.policy import PolicySpec, order_in_objects


def order_is_kept(index: Index) -> Iterator[Hit]:
    """A split's lanes stand in the order in which they are taken of an object."""
    for policy in index.all(Kind.LANE_POLICY):
        for rule in policy.spec["rules"].items:
            weights = rule["split"]["weights"]
            written = _with_a_share(weights)
            taken = order_in_objects(written, _baseline(policy))
            if written != taken:
                yield Hit(
                    owner=policy,
                    node=weights,
                    what=f"rule {rule['name'].text} deals {', '.join(written)} in this order, and "
                    f"as an object of a cluster {', '.join(taken)}",
                    # A file without a namespace may be all that there ever is of the policy.
                    note=not policy.namespace,
                )


def _with_a_share(weights: Node) -> list[str]:
    """The lanes that take any buckets, in the order of the file."""
    return [lane for lane, weight in weights.members.items() if weight.number != 0]


def _baseline(policy: Manifest) -> str:
    return policy.spec["baseline"].text or str(PolicySpec.model_fields["baseline"].default)
