"""KT virtual environments: a label with levels, a header that names one of them."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from colorfast.k8s.importers._dump import Json
from colorfast.k8s.importers._imported import Report
from colorfast.k8s.importers._matchers import whole
from colorfast.k8s.importers._policies import (
    BASE,
    Names,
    mesh,
    object_name,
    policy,
    rule,
    service_label,
)
from colorfast.k8s.manifests import Node

_HEADER: Final = "X-Virtual-Env"
_LABEL: Final = "virtual-env"
_PLACEHOLDER: Final = "(@)"
_WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod")


def kt(roots: list[Node], report: Report) -> Iterator[Json]:
    """A LanePolicy for each VirtualEnvironment, and a LaneMesh of the services in the file."""
    for root in roots:
        if root["kind"].text == "VirtualEnvironment":
            yield from _environment(root, roots, report)


def _environment(root: Node, roots: list[Node], report: Report) -> Iterator[Json]:
    spec, names = root["spec"], Names(report)
    label = spec["envLabel"]["name"].text or _LABEL
    splitter = spec["envLabel"]["splitter"].text or "."
    deployed = _deployed(roots, label)
    default = spec["envLabel"]["defaultSubset"]
    if not default.text:
        report.differs(
            spec["envLabel"],
            f"without defaultSubset any pod may answer; here the baseline {BASE} does",
            fix=f"give the baseline's pods the label {label}: {BASE}",
        )
    baseline = names.lane(default, default.text or BASE)
    if not deployed:
        report.lost(
            spec,
            f"no workload with the label {label} is in the file, so there are no lanes",
            fix="give the Deployments in the same file, or add lanes by hand",
        )
    parents = _levels(root, deployed, splitter, names, baseline)
    header = spec["envHeader"]["name"].text or _HEADER
    lanes = list(dict.fromkeys(names.lanes.values()))
    _say_what_differs(spec, report, splitter)
    name = object_name(root["metadata"]["name"].text, "virtual-environment")
    yield policy(
        name,
        header=header,
        baseline=baseline,
        lanes=lanes,
        parents=parents,
        rules=list(_aliases(spec["envHeader"]["aliases"], lanes, names, report)),
        accept=lanes,
    )
    services = _services(roots, label, names, baseline, report)
    if services:
        entry = next(iter(services))
        report.assumed(root, f"the entry is {entry}, and who calls whom is left open")
        yield mesh(name, entry, services)


def _deployed(roots: list[Node], label: str) -> dict[str, Node]:
    """Values of the label, with a place where each is."""
    found: dict[str, Node] = {}
    for labels in map(_pod_labels, roots):
        if labels[label].text:
            found.setdefault(labels[label].text, labels[label])
    return found


def _pod_labels(root: Node) -> Node:
    kind = root["kind"].text
    if kind not in _WORKLOADS:
        return root["metadata"]["labels"]["none of them"]
    holder = root if kind == "Pod" else root["spec"]["template"]
    return holder["metadata"]["labels"]


def _levels(
    root: Node, deployed: dict[str, Node], splitter: str, names: Names, baseline: str
) -> dict[str, str]:
    """Parents: ``a.b`` for ``a.b.c``, also where nothing is deployed in between."""
    parents: dict[str, str] = {}
    for value, node in deployed.items():
        levels = value.split(splitter)
        chain = [splitter.join(levels[:end]) for end in range(len(levels), 0, -1)]
        for child, parent in pairwise(chain):
            lane, above = names.lane(node, child), names.lane(node, parent)
            if lane != baseline:
                parents[lane] = above
        names.lane(node, chain[-1])
    return dict(sorted(parents.items()))


def _say_what_differs(spec: Node, report: Report, splitter: str) -> None:
    if spec["envHeader"]["autoInject"].value is True:
        report.lost(
            spec["envHeader"]["autoInject"],
            "requests that a pod starts get no lane of that pod's",
            why="a lane comes from the entrance, or from the request that is being answered",
        )
    report.differs(
        spec["envHeader"],
        f"a value that is not deployed, nor a level above one (a{splitter}new), is dropped",
        why="lanes is a closed set; KT goes up the levels of any value",
        fix="add such lanes to lanes and parents, or a family such as a.*",
    )


def _aliases(aliases: Node, lanes: list[str], names: Names, report: Report) -> Iterator[Json]:
    for alias in aliases.items:
        pattern = alias["pattern"].text or _PLACEHOLDER
        placeholder = alias["placeholder"].text or _PLACEHOLDER
        if placeholder not in pattern:
            report.lost(alias, f"the pattern has no {placeholder}, so the alias names no lane")
            continue
        for lane in lanes:
            matcher = whole(pattern.replace(placeholder, re.escape(lane).replace(r"\-", "-")))
            if matcher is None:
                report.lost(alias["pattern"], f"RE2 refuses the pattern {pattern!r}")
                break
            entry = {"headers": {alias["name"].text.lower(): matcher}}
            yield rule(names.rule(f"{alias['name'].text}-{lane}"), [entry], lane=lane)


def _services(roots: list[Node], label: str, names: Names, baseline: str, report: Report) -> Json:
    services: Json = {}
    for root in roots:
        selector = root["spec"]["selector"].labels
        if root["kind"].text != "Service" or not selector:
            continue
        lanes: Json = {}
        for other in roots:
            labels = _pod_labels(other)
            if (
                other["kind"].text in _WORKLOADS
                and selector <= labels.labels
                and labels[label].text
            ):
                value = labels[label].text
                lanes[names.lane(labels[label])] = {label: value}
        if not lanes:
            continue
        if baseline not in lanes:
            what = f"{root['metadata']['name'].text} has no pods in {baseline}, which it must have"
            report.assumed(root, f"{what}: it is written as if it had")
            lanes = {baseline: {label: baseline}, **lanes}
        namespace = root["metadata"]["namespace"].text
        port = next((one["port"].number for one in root["spec"]["ports"].items), None)
        services[service_label(root["metadata"]["name"].text)] = {
            "lanes": lanes,
            "selector": {key: node.text for key, node in root["spec"]["selector"].members.items()},
            **({"namespace": namespace} if namespace else {}),
            **({"port": port} if port else {}),
        }
    return services
