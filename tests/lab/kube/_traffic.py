"""Where requests go in a recorded state: an Istio of a few lines, for what releases write.

Headers matched exactly, the first route that fits, weights, subsets, and ready pods; anything else in
a VirtualService is an error, so that nothing is overlooked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.kube._api import Json
from lab.kube._record import State


@dataclass(frozen=True, slots=True)
class Answer:
    """Versions that answer a request, each with its part of 100; "503" is none."""

    parts: tuple[tuple[str, int], ...]

    @property
    def versions(self) -> frozenset[str]:
        """Those that may answer."""
        return frozenset(version for version, part in self.parts if part)


def answer(state: State, host: str, headers: Mapping[str, str], *, label: str) -> Answer:
    """Who answers a request with *headers* to *host*; *label* is where pods have their version."""
    (route,) = [one for one in _routes(state, host) if _fits(one, headers)][:1]
    parts: dict[str, int] = {}
    for to in route["route"]:
        part = to.get("weight", 100)
        for version in _versions(state, to["destination"], label) if part else ():
            parts[version] = parts.get(version, 0) + part
    return Answer(tuple(sorted(parts.items())))


def ready_versions(state: State, app: str, label: str) -> frozenset[str]:
    """The versions of *app* that have a ready pod."""
    pods = [one["metadata"]["labels"] for one in state.of("Pod").values() if _is_ready(one)]
    return frozenset(one[label] for one in pods if one.get("app") == app)


def _routes(state: State, host: str) -> Iterator[Json]:
    names = {host, host.split(".", 1)[0]}
    for one in state.of("VirtualService").values():
        meant = names & set(one["spec"]["hosts"])
        if meant and "mesh" in one["spec"].get("gateways", ["mesh"]):
            yield from one["spec"]["http"]


def _fits(route: Json, headers: Mapping[str, str]) -> bool:
    matches = route.get("match")
    return matches is None or any(_matches(one, headers) for one in matches)


def _matches(match: Json, headers: Mapping[str, str]) -> bool:
    assert match.keys() <= {"headers"}, match
    for name, matcher in match.get("headers", {}).items():
        assert matcher.keys() == {"exact"}, matcher
        if headers.get(name) != matcher["exact"]:
            return False
    return True


def _versions(state: State, destination: Json, label: str) -> set[str]:
    name = destination["host"].split(".", 1)[0]
    service = state.of("Service").get(name)
    if service is None:
        return {"503"}
    wanted = {**service["spec"].get("selector", {}), **_subset(state, destination)}
    pods = [pod for pod in state.of("Pod").values() if _is_ready(pod)]
    labels = [pod["metadata"]["labels"] for pod in pods]
    return {one[label] for one in labels if wanted.items() <= one.items()} or {"503"}


def _subset(state: State, destination: Json) -> dict[str, str]:
    wanted = destination.get("subset")
    if wanted is None:
        return {}
    for rule in state.of("DestinationRule").values():
        if rule["spec"]["host"] == destination["host"]:
            for one in rule["spec"].get("subsets", ()):
                if one["name"] == wanted:
                    labels: dict[str, str] = one.get("labels", {})
                    return labels
    return {"": "no such subset"}


def _is_ready(pod: Json) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions: list[Any] = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
