"""Rules about the lane header's name."""

import difflib
from collections.abc import Iterator

from colorfast.k8s.lint._index import Index
from colorfast.k8s.lint._model import HeaderMatch, matcher_of, typed_matcher
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Manifest
from colorfast.policy import Source

_ALIKE = 0.8


def same_lane_header(index: Index) -> Iterator[Hit]:
    """Filters, routes and rollouts call the lane header by one name."""
    written = {one.header for one in index.writes} | {one.header for one in index.policies}
    carriers = (index.lane_headers or written) - {"baggage"}
    if not carriers:
        return
    read = {
        attribute.name
        for policy in index.policies
        for attribute in policy.reads()
        if attribute.source is Source.HEADER
    }
    known, lanes = ", ".join(sorted(carriers)), index.lanes
    for match in header_matches(index):
        if match.name in written | read | carriers:
            continue
        same_value = match.kind == "exact" and match.value in lanes
        alike = difflib.get_close_matches(match.name, sorted(carriers), n=1, cutoff=_ALIKE)
        if same_value or alike:
            yield Hit(
                owner=match.owner,
                node=match.node,
                what=f"{match.name} is matched here, and the dye is written into {known}",
                at_key=match.owner.kind is Kind.VIRTUAL_SERVICE,
            )


def header_matches(index: Index) -> Iterator[HeaderMatch]:
    """Every condition on a header, of routes and of rollouts."""
    for route in index.routes:
        for entry in route.entries:
            yield from entry.headers
    for rollout in index.all(Kind.ARGO_ROLLOUT):
        yield from _argo(rollout)
    for one in index.all(Kind.KRUISE_ROLLOUT, Kind.TRAFFIC_ROUTING):
        yield from _kruise(one)
    for canary in index.all(Kind.FLAGGER_CANARY):
        for match in canary.spec["analysis"]["match"].items:
            for name, node in match["headers"].members.items():
                kind, value = matcher_of(node)
                yield HeaderMatch(
                    owner=canary, node=node, name=name.lower(), kind=kind, value=value
                )


def _argo(rollout: Manifest) -> Iterator[HeaderMatch]:
    for step in rollout.spec["strategy"]["canary"]["steps"].items:
        for node in step["setHeaderRoute"]["match"].items:
            kind, value = matcher_of(node["headerValue"])
            name = node["headerName"]
            yield HeaderMatch(
                owner=rollout, node=name, name=name.text.lower(), kind=kind, value=value
            )


def _kruise(one: Manifest) -> Iterator[HeaderMatch]:
    if one.kind is Kind.TRAFFIC_ROUTING:
        holders = [one.spec["strategy"]]
    else:
        holders = one.spec["strategy"]["canary"]["steps"].items
    for holder in holders:
        for match in holder["matches"].items:
            for header in match["headers"].items:
                yield typed_matcher(one, header)
