"""Everything that the given files hold, filed for the rules.

A rule asks what is there. What is not among the files may still be in the cluster: then a rule says
nothing, or says so in a note. The same holds for namespaces: an object without one may be applied
to any. So a rule joins objects only when both have the same namespace, or both have none; but it
takes a namespace that is not known for the one that would make everything right.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from colorfast.k8s.lint._filters import HttpFilter, Write, filters_of, removes_of, writes_of
from colorfast.k8s.lint._model import Route, ServiceName, near, routes_of, service_name
from colorfast.k8s.manifests import WORKLOADS, Kind, Manifest, Node
from colorfast.k8s.targets import Version
from colorfast.policy import Policy

Labels: TypeAlias = frozenset[tuple[str, str]]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Something with pods."""

    owner: Manifest
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The manifests by kind, and what was made of them."""

    by_kind: dict[Kind, tuple[Manifest, ...]]
    routes: tuple[Route, ...]
    filters: tuple[HttpFilter, ...]
    writes: tuple[Write, ...]
    routes_by_owner: dict[Manifest, list[Route]]
    services_by_name: dict[str, list[Manifest]]
    rules_by_service: dict[ServiceName, list[Manifest]]
    workloads_by_label: dict[tuple[str, str, str], list[Workload]]
    policies: tuple[Policy, ...]
    istio: Version | None
    lane_headers: frozenset[str]
    """Names of lane headers, as far as policies, filters and routes agree about one."""

    def all(self, *kinds: Kind) -> Iterator[Manifest]:
        """The manifests of *kinds*."""
        for kind in kinds:
            yield from self.by_kind.get(kind, ())

    def services(self, name: ServiceName) -> Iterator[Manifest]:
        """The Service manifests that *name* may be."""
        for one in self.services_by_name.get(name.host, ()):
            if near(one.namespace, name.namespace):
                yield one

    def workload_with(self, namespace: str, labels: Labels) -> Workload | None:
        """A workload of *namespace* whose pods have *labels*."""
        if not labels:
            return None
        for one in self.workloads_by_label.get((namespace, *min(labels)), ()):
            if labels <= one.labels:
                return one
        return None

    def is_lane_header(self, name: str) -> bool:
        """Whether *name* carries a lane, as far as can be told."""
        return name in self.lane_headers or name == "baggage" or "lane" in name

    @property
    def lanes(self) -> frozenset[str]:
        """Values that filters write as lanes, and the lanes of policies."""
        written = {one.value for one in self.writes if one.value and one.header != "baggage"}
        named = {lane for one in self.policies for lane in one.lanes.patterns}
        return frozenset(written | named)

    @property
    def has_dye(self) -> bool:
        """Whether the files dye requests at all."""
        return bool(self.policies or self.lane_headers)


def build_index(
    manifests: Iterable[Manifest], policies: Iterable[Policy], *, istio: Version | None
) -> Index:
    """File *manifests*; *policies* are those of the LanePolicies that loaded."""
    by_kind: dict[Kind, list[Manifest]] = {}
    for one in manifests:
        by_kind.setdefault(one.kind, []).append(one)
    routed = (*by_kind.get(Kind.VIRTUAL_SERVICE, ()), *by_kind.get(Kind.HTTP_ROUTE, ()))
    routes = tuple(route for one in routed for route in routes_of(one))
    filtering = (*by_kind.get(Kind.ENVOY_FILTER, ()), *by_kind.get(Kind.TRAFFIC_EXTENSION, ()))
    filters = tuple(found for one in filtering for found in filters_of(one))
    writes = tuple(write for one in filters for write in writes_of(one))
    policies = tuple(policies)
    return Index(
        by_kind={kind: tuple(found) for kind, found in by_kind.items()},
        routes=routes,
        filters=filters,
        writes=writes,
        routes_by_owner=_filed((route.owner, route) for route in routes),
        services_by_name=_filed((one.name, one) for one in by_kind.get(Kind.SERVICE, ())),
        rules_by_service=_filed(
            (service_name(one.spec["host"].text, one.namespace), one)
            for one in by_kind.get(Kind.DESTINATION_RULE, ())
        ),
        workloads_by_label=_filed(
            ((one.owner.namespace, *label), one)
            for one in _workloads(by_kind)
            for label in one.labels
        ),
        policies=policies,
        istio=istio,
        lane_headers=_lane_headers(routes, filters, writes, policies),
    )


def _filed(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    found = defaultdict[K, list[V]](list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)


def _workloads(by_kind: dict[Kind, list[Manifest]]) -> Iterator[Workload]:
    for kind in WORKLOADS:
        for one in by_kind.get(kind, ()):
            template = one.root if kind is Kind.POD else one.spec["template"]
            labels = template["metadata"]["labels"].labels
            if labels:
                yield Workload(owner=one, labels=labels)


def _lane_headers(
    routes: tuple[Route, ...],
    filters: tuple[HttpFilter, ...],
    writes: tuple[Write, ...],
    policies: tuple[Policy, ...],
) -> frozenset[str]:
    matched = {
        header.name for route in routes for entry in route.entries for header in entry.headers
    }
    touched = {one.header for one in writes}
    touched |= {name for one in filters for name in removes_of(one) if name}
    return frozenset({one.header for one in policies} | (matched & touched) - {"baggage"})


def pick(node: Node, *path: str) -> Node:
    """The value at *path*, whichever way its keys are spelt."""
    for key in path:
        node = node.either(key)
    return node
