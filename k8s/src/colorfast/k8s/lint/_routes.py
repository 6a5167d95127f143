"""Rules about routes: gateways, defaults, weights, order, regexes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from colorfast.k8s.lint._headers import header_matches
from colorfast.k8s.lint._index import Index
from colorfast.k8s.lint._model import Route, compatible, covers, near
from colorfast.k8s.lint._regex import misses_rest, open_before, open_behind
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Manifest, Node

_LOOK_BACK = 200
"""Routes before one that may hide it: a thousand of them are not compared with each other."""


def gateway_namespace(index: Index) -> Iterator[Hit]:
    """A Gateway is named with the namespace that it is in."""
    for owner, node, namespace, name in _gateway_refs(index):
        places = _places(index, name)
        if places and not any(near(namespace, place) for place in places):
            there = " and ".join(sorted(places))
            yield Hit(
                owner=owner,
                node=node,
                what=f"Gateway {name} is looked for in {namespace}, and it is in {there}",
                fix=f"write {min(places)}/{name}",
            )


def gateway_exists(index: Index) -> Iterator[Hit]:
    """A Gateway that is named is there, where Gateways of its namespace are given."""
    for owner, node, namespace, name in _gateway_refs(index):
        if _places(index, name):
            continue
        there = sorted(one.name for one in index.all(Kind.GATEWAY) if one.namespace == namespace)
        if there:
            yield Hit(
                owner=owner,
                node=node,
                what=f"there is no Gateway {name}; there is {', '.join(there)}",
            )


def _places(index: Index, name: str) -> set[str]:
    return {one.namespace for one in index.all(Kind.GATEWAY) if one.name == name}


def _gateway_refs(index: Index) -> Iterator[tuple[Manifest, Node, str, str]]:
    for owner in index.all(Kind.VIRTUAL_SERVICE):
        nodes = [*owner.spec["gateways"].items]
        for http in owner.spec["http"].items:
            for match in http["match"].items:
                nodes += match["gateways"].items
        for node in nodes:
            namespace, slash, name = node.text.rpartition("/")
            if not slash:
                namespace = owner.namespace
            if name and name != "mesh" and "." not in name:
                yield owner, node, "" if namespace == "." else namespace, name


def has_default(index: Index) -> Iterator[Hit]:
    """Whoever has another value of the header has a route, too."""
    ways = defaultdict[tuple[Kind, str], list[Route]](list)
    for owner, routes in index.routes_by_owner.items():
        for place in _joined_by(owner):
            ways[place] += [route for route in routes if not route.by_header]
    for owner, routes in index.routes_by_owner.items():
        for route in routes:
            others = chain(routes, *(ways[place] for place in _joined_by(owner)))
            if route.by_header and not _has_other_way(route, others):
                yield Hit(
                    owner=owner,
                    node=route.node,
                    what=f"{_called(route)} has no route beside it for requests without its header",
                )
                break


def _has_other_way(route: Route, others: Iterable[Route]) -> bool:
    """Whether requests that lack the header can have a route instead of *route*."""
    return any(
        not other.entries
        or any(
            not entry.headers and any(compatible(entry, mine) for mine in route.entries)
            for entry in other.entries
        )
        for other in others
    )


def _joined_by(owner: Manifest) -> Iterator[tuple[Kind, str]]:
    """By what Istio joins VirtualServices at a gateway, and HTTPRoutes of one parent."""
    for key in ("hosts", "hostnames"):
        for node in owner.spec[key].items:
            yield owner.kind, node.text
    if not owner.spec["hostnames"].items:
        for node in owner.spec["parentRefs"].items:
            yield owner.kind, node["name"].text


def weights_are_whole(index: Index) -> Iterator[Hit]:
    """Weights of one route sum to 100."""
    for owner in index.all(Kind.VIRTUAL_SERVICE):
        for protocol in ("http", "tcp", "tls"):
            for rule in owner.spec[protocol].items:
                destinations = rule["route"].items
                weights = [one["weight"].number for one in destinations]
                total = sum(weight or 0 for weight in weights)
                if len(weights) > 1 and total != 100:
                    yield Hit(
                        owner=owner,
                        node=rule["route"],
                        what=f"the weights sum to {total}, not 100",
                        at_key=True,
                    )


def routes_are_reachable(index: Index) -> Iterator[Hit]:
    """No route is hidden by those before it."""
    for owner, routes in index.routes_by_owner.items():
        if owner.kind is not Kind.VIRTUAL_SERVICE:
            continue  # an HTTPRoute's rules have an order of their own
        for number, route in enumerate(routes):
            hiding = _hidden_by(route, routes[max(0, number - _LOOK_BACK) : number])
            if hiding:
                yield Hit(
                    owner=owner,
                    node=route.node,
                    what=f"{_called(route)} can never match: {hiding} takes its requests before it",
                )


def _hidden_by(route: Route, before: list[Route]) -> str:
    before = [one for one in before if one.ends]
    for one in before:
        if not one.entries:
            return _called(one)
    if not route.entries:
        return ""
    names = []
    for entry in route.entries:
        found = next((o for o in before if any(covers(wide, entry) for wide in o.entries)), None)
        if found is None:
            return ""
        names.append(_called(found))
    return ", ".join(dict.fromkeys(names))


def _called(route: Route) -> str:
    return f"route {route.name}" if route.name else f"the route in line {route.node.at[0]}"


_LISTS = ("cookie", "baggage")
"""Headers that hold several pairs."""


def regexes_are_anchored(index: Index) -> Iterator[Hit]:
    """A regex takes the values that it seems to take, and no others."""
    for match in header_matches(index):
        if match.kind != "regex":
            continue
        in_list = match.name in _LISTS
        if not in_list and not index.is_lane_header(match.name):
            continue
        other = open_before(match.value) or open_behind(match.value)
        what = f"{match.value!r} also matches {other!r}" if other else ""
        if in_list and misses_rest(match.value):
            what = f"{match.value!r} matches only when nothing else is in {match.name}"
        if what:
            yield Hit(owner=match.owner, node=match.node, what=what, at_key=True)
