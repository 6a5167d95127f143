"""Alibaba Cloud Service Mesh: swimlane groups, swimlanes, hash tagging."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from colorfast.k8s.importers import _matchers as matchers
from colorfast.k8s.importers._dump import Json
from colorfast.k8s.importers._imported import Report
from colorfast.k8s.importers._istio import host_matcher, string_match
from colorfast.k8s.importers._policies import (
    BASE,
    DRAW,
    Entry,
    Names,
    mesh,
    object_name,
    policy,
    rule,
    service_label,
    shares,
)
from colorfast.k8s.manifests import Node
from colorfast.policy import BUCKETS

_GROUP_LABEL: Final = "swimlane-group"
_BAGGAGE: Final = "baggage"
_OTHER_KINDS: Final = ("TrafficLabel", "ASMHeaderPropagation")


def asm(roots: list[Node], report: Report) -> Iterator[Json]:
    """A LanePolicy and a LaneMesh for each group, a LanePolicy for each hash tag header."""
    kinds = [(root["kind"].text, root) for root in roots]
    lanes = [root for kind, root in kinds if kind == "ASMSwimLane"]
    for kind, root in kinds:
        if kind == "ASMSwimLaneGroup":
            name = root["metadata"]["name"].text
            mine = [lane for lane in lanes if _group_of(lane) == name]
            yield from _Group(root, mine, report).documents()
        elif kind == "ASMHashTagging":
            yield from _hash_tagging(root, report)
        elif kind in _OTHER_KINDS:
            report.lost(root, f"{kind} is not imported: applications forward baggage by themselves")
    groups = {root["metadata"]["name"].text for kind, root in kinds if kind == "ASMSwimLaneGroup"}
    for lane in lanes:
        if _group_of(lane) not in groups:
            report.lost(lane, f"its group {_group_of(lane)!r} is not in the file")


def _group_of(lane: Node) -> str:
    return lane["metadata"]["labels"][_GROUP_LABEL].text


@dataclass(slots=True)
class _Group:
    """One group with its lanes."""

    root: Node
    lanes: list[Node]
    report: Report

    def documents(self) -> Iterator[Json]:
        names = Names(self.report)
        spec, report = self.root["spec"], self.report
        mode = spec["permissiveModeConfiguration"]
        self._propagation(mode)
        for lane in self.lanes:
            names.lane(lane["metadata"]["name"])
        baseline = self._baseline(names, mode)
        if spec["ingress"]["ingressRouting"]["ingressRoutingStrategy"].text == "weighted":
            rules = list(self._weighted(names, baseline))
        else:
            rules = [one for lane in self.lanes for one in self._ruled(names, lane)]
        name = object_name(self.root["metadata"]["name"].text, "swimlanes")
        yield policy(
            name,
            header=mode["routeHeader"].text or "x-lane",
            baseline=baseline,
            lanes=names.lanes.values(),
            rules=rules,
        )
        services = self._services(names, baseline)
        if not services:
            report.lost(spec["services"], "a group without services makes no LaneMesh")
            return
        strict = [lane for lane in names.lanes.values() if lane != baseline]
        yield mesh(
            name,
            self._entry(services),
            services,
            gateways=list(self._gateways()),
            strict=[] if self._permissive else strict,
        )

    @property
    def _permissive(self) -> bool:
        return self.root["spec"]["isPermissive"].value is True

    def _propagation(self, mode: Node) -> None:
        trace, route = mode["traceHeader"], mode["routeHeader"]
        if self._permissive and trace.text.lower() != _BAGGAGE:
            kept = "applications forward it themselves" if trace.text == route.text else (
                "sidecars remember the lane by it"
            )  # fmt: skip
            self.report.differs(
                trace,
                f"traceHeader is {trace.text}: {kept}; here applications forward baggage",
                fix="instrument the services with OpenTelemetry, or forward baggage by hand",
            )
        if not self._permissive:
            self.report.differs(
                self.root["spec"]["isPermissive"],
                "a strict group takes the lane from the caller's pod; here it is in the request",
                fix="let the services forward baggage",
            )
        for key in ("defaultTrafficPolicyPatch", "defaultHttpRoutePatch"):
            if self.root["spec"][key].present:
                self.report.lost(self.root["spec"][key], f"{key} is not imported")

    def _baseline(self, names: Names, mode: Node) -> str:
        target = mode["fallbackTarget"]
        for service, node in mode["serviceLevelFallbackTarget"].members.items():
            if node.text != target.text:
                self.report.lost(
                    node,
                    f"{service} falls back to {node.text}: here a lane has one fallback",
                    fix="use parents, for the whole lane",
                )
        if target.text:
            return names.lane(target)
        first = next(iter(names.lanes.values()), BASE)
        what = f"the baseline is {first}: the group names none"
        self.report.assumed(self.root["spec"], what)
        return first

    def _ruled(self, names: Names, lane: Node) -> Iterator[Json]:
        name = names.lane(lane["metadata"]["name"])
        for number, one in enumerate(lane["spec"]["ingressRules"].items, 1):
            entries = self._entries(one["match"], [node.text for node in one["hosts"].items])
            title = one["name"].text or f"{name}-{number}"
            if entries is None:
                continue
            enabled = one["online"].value is not False
            yield rule(names.rule(title), entries, lane=name, enabled=enabled)

    def _entries(self, match: Node, hosts: list[str]) -> list[Json] | None:
        """The match, once for each host; None when it cannot be said."""
        entry = Entry()
        parts = [(match["uri"], "path", "")]
        parts += [(node, "headers", key) for key, node in match["headers"].members.items()]
        for node, where, key in parts:
            if not node.present:
                continue
            matcher = string_match(node)
            if matcher is None:
                self.report.lost(node, "the condition cannot be said here, so its rule is left out")
                return None
            entry.add(where, key, matcher)
        named = [host for host in hosts if host != "*"]
        if not named or len(named) < len(hosts):
            return [entry.conditions]
        return [{**entry.conditions, "host": host_matcher(host)} for host in named]

    def _weighted(self, names: Names, baseline: str) -> Iterator[Json]:
        routing = self.root["spec"]["ingress"]["ingressRouting"]["weightedRoutingRule"]
        hosts = [node.text for node in routing["hosts"].items]
        entries = list[Json]()
        for match in routing["requestMatches"].items or [routing["requestMatches"]]:
            entries += self._entries(match, hosts) or []
        weights = [
            (names.lane(lane["metadata"]["name"]), lane["spec"]["ingressWeight"]["weight"])
            for lane in self.lanes
        ]
        total = sum(node.number or 0 for _, node in weights)
        if not total:
            self.report.lost(routing, "the lanes have no ingressWeight, so no rule is written")
            return
        parts = [(lane, (node.number or 0) * BUCKETS // total) for lane, node in weights]
        self.report.differs(
            routing,
            "the draw is by x-request-id, one for each request",
            fix="split by something that stays, such as a cookie or sourceIp",
        )
        split = {"by": DRAW, "weights": shares(parts, baseline), "otherwise": "random"}
        yield rule(names.rule("weighted"), entries, split=split)

    def _services(self, names: Names, baseline: str) -> Json:
        services: Json = {}
        for node in self.root["spec"]["services"].items:
            label = service_label(node["name"].text)
            lanes = {
                names.lane(lane["metadata"]["name"]): {
                    key: value.text for key, value in lane["spec"]["labelSelector"].members.items()
                }
                for lane in self.lanes
                if _has(lane, node["name"].text)
            }
            if baseline not in lanes:
                what = f"{label} is taken to be in {baseline}, though that lane does not list it"
                self.report.assumed(node, what)
                lanes = {baseline: {"version": baseline}, **lanes}
            labelled = all(lanes.values())
            services[label] = {
                "lanes": lanes if labelled else list(lanes),
                **({"namespace": node["namespace"].text} if node["namespace"].text else {}),
            }
        return services

    def _entry(self, services: Json) -> str:
        hosts = [
            one["route"]["destination"]["host"]
            for lane in self.lanes
            for one in lane["spec"]["ingressRules"].items
        ]
        found = [service_label(node.text.partition(".")[0]) for node in hosts if node.text]
        entry = next((name for name in found if name in services), next(iter(services)))
        self.report.assumed(
            self.root["spec"]["ingress"],
            f"the entry is {entry}, and who calls whom is left open",
            fix="write calls into the LaneMesh",
        )
        return entry

    def _gateways(self) -> Iterator[Json]:
        gateway = self.root["spec"]["ingress"]["gateway"]
        hosts = dict.fromkeys(
            node.text
            for lane in self.lanes
            for one in lane["spec"]["ingressRules"].items
            for node in one["hosts"].items
            if node.text not in ("", "*")
        )
        if gateway["name"].text and hosts:
            yield {
                "name": gateway["name"].text,
                "namespace": gateway["namespace"].text or "istio-system",
                "hosts": list(hosts),
            }


def _has(lane: Node, service: str) -> bool:
    """Whether a lane has a service: one that lists none has all of them."""
    listed = [node["name"].text or node.text for node in lane["spec"]["services"].items]
    return not listed or service in listed


def _hash_tagging(root: Node, report: Report) -> Iterator[Json]:
    """Each tag header is a policy: a policy has one lane header."""
    by_header: dict[str, list[Node]] = {}
    for one in root["spec"]["rules"].items:
        by_header.setdefault(one["tagHeader"].text.lower(), []).append(one)
    if len(by_header) > 1:
        what = f"{len(by_header)} tag headers become {len(by_header)} policies, one a lane header"
        report.differs(root["spec"]["rules"], what, fix="run each at the gateway")
    base = object_name(root["metadata"]["name"].text, "hash-tagging")
    for header, nodes in by_header.items():
        names = Names(report)
        rules = [made for node in nodes for made in _hashed(node, names, report)]
        yield policy(
            f"{base}-{header}" if len(by_header) > 1 else base,
            header=header,
            baseline=BASE,
            lanes=names.lanes.values(),
            rules=rules,
        )


def _hashed(node: Node, names: Names, report: Report) -> Iterator[Json]:
    modulo = node["modulo"].number or 0
    given, taken = [], 0
    for part in node["partitions"].items:
        size = part["partitionSize"].number or 0
        taken += size
        lane = names.lane(part["tagValue"])
        if not modulo > 0 or not size >= 0 or taken > modulo:
            report.lost(node, "the partitions do not fit into modulo, so the rule is left out")
            return
        if size * BUCKETS % modulo:
            report.differs(part, f"{size} of {modulo} is not a whole part of {BUCKETS:,}: rounded")
        given.append((lane, size * BUCKETS // modulo))
    report.differs(
        node,
        "the shares are the same, and other users are in them: the hashes differ",
        why="ASM uses FNV-1a, here it is xxHash64 with a salt",
    )
    if taken < modulo:
        report.assumed(node, f"who is in no partition gets {BASE}; in ASM the header is not set")
    key = node["header"].text
    host = node["match"]["host"].text
    entry: Json = {"headers": {key.lower(): matchers.PRESENT}}
    if host and host != "*":
        entry["host"] = host_matcher(host)
    split = {"by": [{"header": key}], "weights": shares(given, BASE), "otherwise": BASE}
    yield rule(names.rule(node["name"].text), [entry], split=split)
