"""What rules look at: routes, destinations, header matches, HTTP filters, as values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from colorfast.k8s.manifests import Kind, Manifest, Node

SVC: Final = "svc"


@dataclass(frozen=True, slots=True)
class ServiceName:
    """A service; *namespace* is empty when the file does not say."""

    host: str
    namespace: str

    def same(self, other: "ServiceName") -> bool:
        """Whether the two may be one: an unknown namespace may be any."""
        return self.host == other.host and near(self.namespace, other.namespace)


def near(one: str, other: str) -> bool:
    """Whether two namespaces may be one; an empty one is not known."""
    return one == other or not one or not other


def service_name(host: str, namespace: str) -> ServiceName:
    """The service that a host of an object in *namespace* is; other hosts stay whole."""
    parts = host.split(".")
    if len(parts) == 1:
        return ServiceName(host, namespace)
    if len(parts) == 2 or parts[2:3] == [SVC]:
        return ServiceName(parts[0], parts[1])
    return ServiceName(host, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a route leads."""

    node: Node
    service: ServiceName
    subset: str
    weight: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """A condition on a header. *name* is in lower case; *kind* is exact, prefix, regex or other."""

    owner: Manifest
    node: Node
    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One alternative of a route: every condition by its key, and the header conditions."""

    node: Node
    conditions: dict[str, tuple[str, str]]
    headers: tuple[HeaderMatch, ...]

    @property
    def rest(self) -> dict[str, tuple[str, str]]:
        """The conditions that are not on headers."""
        return {key: one for key, one in self.conditions.items() if not key.startswith("headers.")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route of a VirtualService or HTTPRoute; *entries* are alternatives, none is always."""

    owner: Manifest
    node: Node
    name: str
    entries: tuple[Entry, ...]
    destinations: tuple[Destination, ...]
    ends: bool
    """Whether it answers what it matches, by whatever means."""

    @property
    def by_header(self) -> bool:
        """Whether every alternative asks for a header."""
        return bool(self.entries) and all(entry.headers for entry in self.entries)


_ACTIONS: Final = ("route", "redirect", "directResponse", "delegate")
_NO_CONDITIONS: Final = ("name", "statPrefix")


def routes_of(owner: Manifest) -> Iterator[Route]:
    """The HTTP routes of a VirtualService or HTTPRoute."""
    if owner.kind is Kind.VIRTUAL_SERVICE:
        for node in owner.spec["http"].items:
            yield Route(
                owner=owner,
                node=node,
                name=node["name"].text,
                entries=tuple(_entry(owner, one) for one in node["match"].items),
                destinations=tuple(_destination(owner, one) for one in node["route"].items),
                ends=any(node[action].present for action in _ACTIONS),
            )
    elif owner.kind is Kind.HTTP_ROUTE:
        for node in owner.spec["rules"].items:
            yield Route(
                owner=owner,
                node=node,
                name=node["name"].text,
                entries=tuple(_api_entry(owner, one) for one in node["matches"].items),
                destinations=tuple(_backend(owner, one) for one in node["backendRefs"].items),
                ends=True,
            )


def _destination(owner: Manifest, node: Node) -> Destination:
    to = node["destination"]
    return Destination(
        node=node,
        service=service_name(to["host"].text, owner.namespace),
        subset=to["subset"].text,
        weight=node["weight"].number,
    )


def _backend(owner: Manifest, node: Node) -> Destination:
    namespace = node["namespace"].text or owner.namespace
    return Destination(
        node=node,
        service=ServiceName(node["name"].text, namespace),
        subset="",
        weight=node["weight"].number,
    )


def _entry(owner: Manifest, node: Node) -> Entry:
    conditions: dict[str, tuple[str, str]] = {}
    headers = []
    for key, value in node.members.items():
        if key in _NO_CONDITIONS:
            continue
        if key in ("headers", "withoutHeaders", "queryParams", "sourceLabels"):
            for name, matcher in value.members.items():
                lower = name.lower() if "eaders" in key else name
                conditions[f"{key}.{lower}"] = matcher_of(matcher)
                if key == "headers":
                    headers.append(_header(owner, matcher, lower, *matcher_of(matcher)))
        elif isinstance(value.value, dict):
            conditions[key] = matcher_of(value)
        else:
            conditions[key] = ("other", repr(value.plain()))
    return Entry(node=node, conditions=conditions, headers=tuple(headers))


def _header(owner: Manifest, node: Node, name: str, kind: str, value: str) -> HeaderMatch:
    return HeaderMatch(owner=owner, node=node, name=name, kind=kind, value=value)


def matcher_of(node: Node) -> tuple[str, str]:
    """The kind and text of an Istio StringMatch; an empty one asks for presence."""
    for kind in ("exact", "prefix", "regex"):
        if node[kind].present:
            return kind, node[kind].text
    return ("present", "") if not node.members else ("other", repr(node.plain()))


_API_KINDS: Final = {
    "": "exact",
    "Exact": "exact",
    "RegularExpression": "regex",
    "Prefix": "prefix",
}


def typed_matcher(owner: Manifest, node: Node) -> HeaderMatch:
    """A ``{name, type, value}`` of the Gateway API or of Kruise."""
    kind = _API_KINDS.get(node["type"].text, "other")
    return _header(owner, node, node["name"].text.lower(), kind, node["value"].text)


def _api_entry(owner: Manifest, node: Node) -> Entry:
    headers = tuple(typed_matcher(owner, one) for one in node["headers"].items)
    conditions = {f"headers.{one.name}": (one.kind, one.value) for one in headers}
    for key, value in node.members.items():
        if key != "headers":
            conditions[key] = ("other", repr(value.plain()))
    return Entry(node=node, conditions=conditions, headers=headers)


def covers(wide: Entry, narrow: Entry) -> bool:
    """Whether every request that meets *narrow* meets *wide*. May say no when it is yes."""
    return all(
        key in narrow.conditions and _implies(narrow.conditions[key], condition)
        for key, condition in wide.conditions.items()
    )


def _implies(narrow: tuple[str, str], wide: tuple[str, str]) -> bool:
    if narrow == wide or wide[0] == "present":
        return True
    return (
        wide[0] == "prefix" and narrow[0] in ("exact", "prefix") and narrow[1].startswith(wide[1])
    )


def compatible(one: Entry, other: Entry) -> bool:
    """Whether a request can meet both, as far as the conditions that are not on headers tell."""
    return all(
        key not in other.rest or _may_both(condition, other.rest[key])
        for key, condition in one.rest.items()
    )


def _may_both(one: tuple[str, str], other: tuple[str, str]) -> bool:
    told = {"exact", "prefix"}
    if one[0] not in told or other[0] not in told:
        return True
    return _implies(one, other) or _implies(other, one)
