"""LanePolicies and LaneMeshes as they are put together, part by part."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from colorfast.k8s.importers._dump import Json
from colorfast.k8s.importers._imported import Report
from colorfast.k8s.importers._matchers import Matcher
from colorfast.k8s.manifests import Node
from colorfast.lane import is_lane_name
from colorfast.policy import BUCKETS

API: Final = "colorfast.dev/v1alpha1"
BASE: Final = "base"
DRAW: Final[list[Json]] = [{"header": "x-request-id"}]
"""What a draw for each request becomes: Envoy gives every request an id of its own."""
_CONTAINERS: Final = ("headers", "cookies", "query")


@dataclass(slots=True)
class Names:
    """Names that are ours to keep legal and apart."""

    report: Report
    lanes: dict[str, str] = field(default_factory=dict)
    rules: set[str] = field(default_factory=set)

    def lane(self, node: Node, text: str = "") -> str:
        """The lane that a text stands for; another spelling is reported."""
        text = text or node.text
        if text in self.lanes:
            return self.lanes[text]
        name = text if is_lane_name(text) else _legal(text)
        while name in self.lanes.values():
            name = f"{name}-2"
        self.lanes[text] = name
        if name != text:
            what = f"lane {text!r} is called {name}"
            self.report.differs(
                node, what, why="a lane's name is lower case, of a-z 0-9 . _ -",
                fix="match routes on the new name",
            )  # fmt: skip
        return name

    def rule(self, text: str) -> str:
        """A rule's name that no other has."""
        base = name = re.sub(r"[\x00-\x20\x7f]+", "-", text).strip("-")[:100] or "rule"
        number = 1
        while name in self.rules:
            number += 1
            name = f"{base}-{number}"
        self.rules.add(name)
        return name


def _legal(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("._-")[:60] or "lane"


def object_name(text: str, otherwise: str) -> str:
    """A name that a Kubernetes object may have."""
    return re.sub(r"[^a-z0-9.-]+", "-", text.lower()).strip(".-")[:200] or otherwise


def service_label(text: str) -> str:
    """A name that a Service may have."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:60].strip("-") or "service"


@dataclass(slots=True)
class Entry:
    """One alternative, condition by condition."""

    conditions: Json = field(default_factory=dict)

    def add(self, where: str, name: str, matcher: Matcher | list[str]) -> bool:
        """Add a condition; false when there is one on this value already, and another one."""
        if where in _CONTAINERS:
            held = self.conditions.setdefault(where, {})
            key = name.lower() if where == "headers" else name
        else:
            held, key = self.conditions, where
        if key in held and held[key] != matcher:
            return False
        held[key] = matcher
        return True


def rule(
    name: str,
    entries: Iterable[Json],
    *,
    lane: str = "",
    split: Json | None = None,
    enabled: bool = True,
) -> Json:
    """A rule; no entries match every request."""
    match = [one for one in entries if one]
    return {
        "name": name,
        **({} if enabled else {"enabled": False}),
        **({"match": match} if match else {}),
        **({"lane": lane} if split is None else {"split": split}),
    }


def shares(given: Iterable[tuple[str, int]], rest: str) -> dict[str, int]:
    """Weights of 10,000 in order; what is left over goes to *rest*."""
    weights: dict[str, int] = {}
    for lane, parts in given:
        weights[lane] = weights.get(lane, 0) + parts
    left = BUCKETS - sum(weights.values())
    if left:
        weights[rest] = weights.get(rest, 0) + left
    return weights


def policy(  # noqa: PLR0913 (one a key of the file)
    name: str,
    *,
    header: str,
    baseline: str,
    lanes: Iterable[str],
    rules: list[Json],
    default: str | None = None,
    parents: dict[str, str] | None = None,
    accept: Iterable[str] = (),
) -> Json:
    """A LanePolicy."""
    known = list(dict.fromkeys([baseline, *lanes]))
    accepted = list(dict.fromkeys(accept))
    spec: dict[str, Any] = {"header": header.lower(), "baseline": baseline, "lanes": known}
    if parents:
        spec["parents"] = parents
    if accepted:
        spec["edge"] = {"client": "accept", "accept": accepted}
    if default is not None:
        spec["default"] = default
    spec["rules"] = rules
    return {"apiVersion": API, "kind": "LanePolicy", "metadata": {"name": name}, "spec": spec}


def mesh(name: str, entry: str, services: Json, **more: Any) -> Json:
    """A LaneMesh; keys of its ``spec`` that are empty are left out."""
    spec = {"entry": entry, "services": services, **{k: v for k, v in more.items() if v}}
    return {"apiVersion": API, "kind": "LaneMesh", "metadata": {"name": name}, "spec": spec}
