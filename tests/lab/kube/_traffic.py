"""Where requests go in a recorded state: an Istio of a few lines, for what releases write.

Headers matched exactly, the first route that fits, weights, subsets, and ready pods; anything else in
a VirtualService is an error, so that nothing is overlooked.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.kube._api import Json
from lab.kube._record import COLLECTIONS, Place, State
from release.trace import Seen

from colorfast.release import Change, Release


@dataclass
class Eyes:
    """Looks at states of *release*, in their order: what a pod was is still known when it is gone."""

    release: Release
    _pods: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """The last labels of every pod that there ever was."""
    _was_ready: set[tuple[str, str]] = field(default_factory=set)
    """Services and versions of which a pod was ready since the last one was gone."""
    _last: tuple[tuple[Mapping[Place, Json], ...], dict[str, Seen]] = ((), {})
    """What was looked at last, and what was seen. Most writes are about something else."""

    def look(self, state: State) -> dict[str, Seen]:
        """Every service of the release."""
        kinds = tuple(state.of(kind) for kind in COLLECTIONS)
        before, seen = self._last
        if len(before) != len(kinds) or any(a is not b for a, b in zip(before, kinds, strict=True)):
            for key, pod in state.of("Pod").items():
                self._pods[key] = pod["metadata"]["labels"]
            seen = {one.name: self._seen(state, one) for one in self.release.changes}
            self._last = kinds, seen
        return seen

    def _seen(self, state: State, change: Change) -> Seen:
        header = {self.release.policy.header: str(self.release.lane)}
        bases, lanes, shares = list[str](), list[str](), set[int]()
        for virtual in self._routes(state, change):
            base, lane = (_first(virtual, headers) for headers in ({}, header))
            led, share = self._led(state, change, base)
            bases.append(led)
            shares.add(share)
            lanes.append("off" if lane is base else self._led(state, change, lane)[0])
        return Seen(
            base=_together(bases),
            lane=_together(lanes),
            old=self._pods_of(state, change, change.old),
            new=self._pods_of(state, change, change.new),
            share=shares.pop() if len(shares) == 1 else 0,
        )

    def _routes(self, state: State, change: Change) -> Iterator[Json]:
        """The VirtualServices by which the service is called: from the mesh, and from gateways."""
        mesh = self.release.mesh
        gates = [one for one in mesh.gateways if mesh.entry_of(one).name == change.name]
        hosts = {change.service.host, *(host for one in gates for host in one.hosts)}
        for (namespace, _), one in state.of("VirtualService").items():
            if namespace == change.service.namespace and hosts & {*one["spec"]["hosts"]}:
                yield one

    def _led(self, state: State, change: Change, route: Json) -> tuple[str, int]:
        """Where *route* leads, and the share that weights give the new version or the lane."""
        header, lane = self.release.policy.header, self.release.lane
        parts: dict[str, int] = {}
        share = 0
        rest = [one for one in route["route"] if not _dyes(one, header, str(lane))]
        for one in route["route"]:
            if one not in rest:
                share += one.get("weight", 100)
        for one in rest:
            # Where others dye, this is for who is not dyed, however many that are.
            weight = one.get("weight", 100) if len(rest) == len(route["route"]) else 100
            if weight:
                for end in self._ends(state, change, one["destination"]):
                    parts[end] = parts.get(end, 0) + weight
        if len(parts) > 1 and sum(parts.values()) == 100:
            return "~".join(sorted(parts, reverse=True)), parts.get("new", 0)
        return "|".join(sorted(parts, reverse=True)), share

    def _ends(self, state: State, change: Change, destination: Json) -> set[str]:
        namespace, name = change.service.namespace, destination["host"].split(".", 1)[0]
        service = state.of("Service").get((namespace, name))
        if service is None:
            return {"gone"}
        wanted = {**service["spec"].get("selector", {}), **_subset(state, destination)}
        if change.label in wanted:
            return {_word(change, wanted[change.label])}
        return self._selected(state, change, wanted)

    def _selected(self, state: State, change: Change, wanted: Mapping[str, str]) -> set[str]:
        """The versions of ready pods with the labels *wanted*; if there are none, of others.

        Of pods that are gone, that is, unless others of their version are there: no request
        would find these.
        """
        pods = state.of("Pod").items()
        there = {key: _is_ready(pod) for key, pod in pods if key[0] == change.service.namespace}
        for keys in ([key for key, ready in there.items() if ready], there, self._pods):
            labels = [self._pods[key] for key in keys if key[0] == change.service.namespace]
            found = {
                _word(change, one[change.label]) for one in labels if wanted.items() <= one.items()
            }
            if found:
                return (
                    {"gone"} if keys is self._pods and found & self._there(state, change) else found
                )
        return {"gone"}

    def _there(self, state: State, change: Change) -> set[str]:
        """The versions that have pods."""
        versions = (change.old, change.new)
        return {_word(change, one) for one in versions if pods_of(state, change, one)}

    def _pods_of(self, state: State, change: Change, version: str) -> str:
        found = pods_of(state, change, version)
        key = (change.name, version)
        if not found:
            self._was_ready.discard(key)
            return "none"
        if any(_is_ready(pod) for pod in found.values()):
            self._was_ready.add(key)
            return "ready"
        return "unready" if key in self._was_ready else "starting"


def pods_of(state: State, change: Change, version: str) -> dict[str, Json]:
    """The pods of *version* that nobody has deleted, by name."""
    labels = {change.label: version, "app": change.name}
    return {
        name: pod
        for (namespace, name), pod in state.of("Pod").items()
        if namespace == change.service.namespace
        and labels.items() <= pod["metadata"]["labels"].items()
        and "deletionTimestamp" not in pod["metadata"]
    }


def ready(state: State, change: Change, version: str) -> int:
    """Pods of *version* that are ready."""
    return sum(_is_ready(pod) for pod in pods_of(state, change, version).values())


def behind(state: State, host: str, subset: str) -> int:
    """Ready pods that the subset of a service has."""
    wanted = _subset(state, {"host": host, "subset": subset}).items()
    namespace = host.split(".")[1]
    return sum(
        one[0] == namespace and _is_ready(pod) and wanted <= pod["metadata"]["labels"].items()
        for one, pod in state.of("Pod").items()
    )


def _first(virtual_service: Json, headers: Mapping[str, str]) -> Json:
    route: Json = next(one for one in virtual_service["spec"]["http"] if _fits(one, headers))
    return route


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


def _dyes(to: Json, header: str, lane: str) -> bool:
    """Whether a destination puts what it gets into the lane."""
    added: dict[str, str] = to.get("headers", {}).get("request", {}).get("set", {})
    return added.get(header) == lane


def _together(ends: Iterable[str]) -> str:
    """What several VirtualServices have between them."""
    found = {*ends}
    parts = {part for one in found for part in one.replace("~", "|").split("|")}
    return found.pop() if len(found) == 1 else "|".join(sorted(parts, reverse=True))


def _word(change: Change, version: str) -> str:
    return {change.old: "old", change.new: "new"}.get(version, "gone")


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
