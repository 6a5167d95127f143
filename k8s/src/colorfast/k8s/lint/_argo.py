"""Rules about Argo Rollouts with Istio; what its controller does was observed, not guessed."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from colorfast.k8s.lint._index import Index
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Manifest, Node

_MANAGED: Final = "argo-rollouts.argoproj.io/managed-by-rollouts"
_HASH: Final = "rollouts-pod-template-hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Binding:
    """A Rollout, and a VirtualService that it names."""

    rollout: Manifest
    node: Node
    virtual_service: Manifest

    @property
    def routes(self) -> set[str]:
        """The routes whose weights the Rollout moves; none means the only one."""
        return {one.text for one in self.node["routes"].items}


def _canary(rollout: Manifest) -> Node:
    return rollout.spec["strategy"]["canary"]


def _istio(rollout: Manifest) -> Node:
    return _canary(rollout)["trafficRouting"]["istio"]


def _managed(rollout: Manifest) -> dict[str, Node]:
    routes = _canary(rollout)["trafficRouting"]["managedRoutes"].items
    return {one["name"].text: one["name"] for one in routes if one["name"].text}


def _bindings(index: Index) -> Iterator[_Binding]:
    for rollout in index.all(Kind.ARGO_ROLLOUT):
        istio = _istio(rollout)
        single = [istio["virtualService"]] if istio["virtualService"].present else []
        for node in (*single, *istio["virtualServices"].items):
            name, _, namespace = node["name"].text.partition(".")
            for one in index.all(Kind.VIRTUAL_SERVICE):
                if one.name == name and one.namespace == (namespace or rollout.namespace):
                    yield _Binding(rollout=rollout, node=node, virtual_service=one)


def route_names_are_unique(index: Index) -> Iterator[Hit]:
    """Where Argo sets header routes, every route of the VirtualService has a name of its own."""
    reported: set[Manifest] = set()
    for binding in _bindings(index):
        owner = binding.virtual_service
        if not _managed(binding.rollout) or owner in reported:
            continue
        reported.add(owner)
        routes = owner.spec["http"].items
        counts = Counter(route["name"].text for route in routes)
        for route in routes:
            name = route["name"].text
            if counts[name] > 1:
                what = f"{counts[name]} routes are called {name}" if name else "a route has no name"
                yield Hit(owner=owner, node=route["name"], what=f"{what}, under {_by(binding)}")


def _by(binding: _Binding) -> str:
    return f"{binding.rollout.title} with managedRoutes"


def no_foreign_subsets(index: Index) -> Iterator[Hit]:
    """A DestinationRule that Argo manages has no other subsets than canary and stable."""
    named: dict[Manifest, tuple[set[str], str]] = {}
    for rollout in index.all(Kind.ARGO_ROLLOUT):
        rule = _istio(rollout)["destinationRule"]
        subsets = {rule["canarySubsetName"].text, rule["stableSubsetName"].text}
        for one in index.all(Kind.DESTINATION_RULE):
            if one.name == rule["name"].text and one.namespace == rollout.namespace:
                named[one] = (subsets, rollout.title)
    for owner in index.all(Kind.DESTINATION_RULE):
        nodes = owner.spec["subsets"].items
        if owner in named:
            keep, by = named[owner]
        elif _MANAGED in owner.annotations:
            by = "a Rollout, as an annotation says"
            keep = {one["name"].text for one in nodes if _HASH in one["labels"].members}
            if not keep:
                continue  # Argo has not been there yet: which ones are its own is not known
        else:
            continue
        for node in nodes:
            name = node["name"]
            if name.text not in keep:
                what = f"subset {name.text} is in a DestinationRule that {by} manages"
                yield Hit(owner=owner, node=name, what=what)


def no_managed_names(index: Index) -> Iterator[Hit]:
    """No route of the user's has the name of a managed route."""
    for binding in _bindings(index):
        managed = _managed(binding.rollout)
        for route in binding.virtual_service.spec["http"].items:
            if route["name"].text in managed:
                yield Hit(
                    owner=binding.virtual_service,
                    node=route["name"],
                    what=f"route {route['name'].text} has the name of a managed route of "
                    f"{binding.rollout.title}",
                )


def no_foreign_destinations(index: Index) -> Iterator[Hit]:
    """A route whose weights Argo moves leads to the canary and the stable version only."""
    for binding in _bindings(index):
        routes = binding.virtual_service.spec["http"].items
        for route in routes:
            moved = route["name"].text in binding.routes or (
                len(routes) == 1 and not binding.routes
            )
            own = [_is_argos(binding.rollout, one["destination"]) for one in route["route"].items]
            if not moved or True not in own:
                continue
            for node, mine in zip(route["route"].items, own, strict=True):
                if not mine:
                    to = node["destination"]["subset"].text or node["destination"]["host"].text
                    yield Hit(
                        owner=binding.virtual_service,
                        node=node,
                        what=f"{to} is in a route whose weights {binding.rollout.title} moves",
                    )


def _is_argos(rollout: Manifest, to: Node) -> bool:
    rule, canary = _istio(rollout)["destinationRule"], _canary(rollout)
    if rule["name"].text:
        extra = {one.text for one in rule["additionalSubsetNames"].items}
        own = {rule["canarySubsetName"].text, rule["stableSubsetName"].text}
        return to["subset"].text in own | extra
    host = to["host"].text.partition(".")[0]
    return host in (canary["canaryService"].text, canary["stableService"].text)


def one_rollout_each(index: Index) -> Iterator[Hit]:
    """A VirtualService belongs to one Rollout."""
    first: dict[Manifest, _Binding] = {}
    for binding in _bindings(index):
        other = first.setdefault(binding.virtual_service, binding)
        if other.rollout.name == binding.rollout.name:
            continue
        apart = other.routes and binding.routes and not other.routes & binding.routes
        if apart and not _managed(other.rollout) and not _managed(binding.rollout):
            continue  # each moves the weights of its own routes, and there is nothing else
        yield Hit(
            owner=binding.rollout,
            node=binding.node["name"],
            what=f"{binding.virtual_service.title} is {other.rollout.title}'s, too",
        )


@dataclass(slots=True)
class _Canary:
    """The canary's pods while the steps of a Rollout go by."""

    replicas: int | None
    weight: int = 0
    fixed: int | None = None
    share: int | None = None

    @property
    def pods(self) -> int | None:
        """How many there are to be; None when the files do not tell."""
        if self.fixed is not None:
            return self.fixed
        percent = self.weight if self.share is None else self.share
        if percent == 0:
            return 0
        return None if self.replicas is None else math.ceil(self.replicas * percent / 100)


def header_route_has_pods(index: Index) -> Iterator[Hit]:
    """A header route is set while there are canary pods, and they stay."""
    for rollout, canary, step, routed in _walk(index):
        if canary.pods != 0:
            continue
        if step["setHeaderRoute"]["match"].items:
            what = "setHeaderRoute comes while the canary has no pods"
            yield Hit(owner=rollout, node=step["setHeaderRoute"], what=what, at_key=True)
        elif routed and not _matches_nothing(step):
            what = "the header route is still there, and this step takes the canary's last pod"
            yield Hit(owner=rollout, node=step, what=what)


def _matches_nothing(step: Node) -> bool:
    """Whether a step asks for the weight of a canary that has none: ``weight_comes_first``."""
    return step["setCanaryScale"]["matchTrafficWeight"].value is True


def weight_comes_first(index: Index) -> Iterator[Hit]:
    """``matchTrafficWeight`` comes behind a ``setWeight``."""
    for rollout, canary, step, _ in _walk(index):
        node = step["setCanaryScale"]["matchTrafficWeight"]
        if node.value is True and canary.weight == 0:
            yield Hit(
                owner=rollout,
                node=node,
                what="matchTrafficWeight comes before setWeight, so the canary is scaled to 0",
                at_key=True,
            )


def header_route_has_spare_pod(index: Index) -> Iterator[Hit]:
    """A header route stands on more than one canary pod."""
    for rollout, canary, step, _ in _walk(index):
        node = step["setHeaderRoute"]
        if node["match"].items and canary.pods == 1:
            what = "the header route stands on one canary pod"
            yield Hit(owner=rollout, node=node, what=what, at_key=True)


def _walk(index: Index) -> Iterator[tuple[Manifest, _Canary, Node, bool]]:
    """The steps of Rollouts with header routes: the canary after each, and whether one is set."""
    for rollout in index.all(Kind.ARGO_ROLLOUT):
        steps = _canary(rollout)["steps"].items
        if not any(step["setHeaderRoute"]["match"].items for step in steps):
            continue
        canary = _Canary(replicas=rollout.spec["replicas"].number)
        routes: set[str] = set()
        for step in steps:
            _take(canary, step)
            yield rollout, canary, step, bool(routes)
            route = step["setHeaderRoute"]
            if route["match"].items:
                routes.add(route["name"].text)
            else:
                routes.discard(route["name"].text)


def _take(canary: _Canary, step: Node) -> None:
    weight = step["setWeight"].number
    if weight is not None:
        canary.weight = weight
    scale = step["setCanaryScale"]
    if scale.present:
        canary.fixed = scale["replicas"].number
        canary.share = scale["weight"].number
