"""OpenKruise Rollouts: the matches of TrafficRoutings and of canary steps."""

from collections.abc import Iterator
from typing import Final

from colorfast.k8s.importers import _matchers as matchers
from colorfast.k8s.importers._dump import Json
from colorfast.k8s.importers._imported import Report
from colorfast.k8s.importers._matchers import Matcher
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

_LANE: Final = "canary"
_GROUP: Final = "rollouts.kruise.io"


def kruise(roots: list[Node], report: Report) -> Iterator[Json]:
    """One LanePolicy for all of the file, and a LaneMesh of the services that are routed."""
    ours = [root for root in roots if root["apiVersion"].text.startswith(_GROUP)]
    names, rules, services = Names(report), list[Json](), dict[str, Node]()
    for root in ours:
        rules += _routing(root, names, report)
        for ref in (*root["spec"]["objectRef"].items, *_canary(root)["trafficRoutings"].items):
            if ref["service"].text:
                services.setdefault(service_label(ref["service"].text), ref)
    if not ours:
        return
    name = object_name(ours[0]["metadata"]["name"].text, "kruise")
    report.differs(
        ours[0],
        "requests are dyed once, at the entrance; Kruise matches at every hop",
        why="so the header that is matched need not reach the services, the lane does",
    )
    yield policy(name, header="x-lane", baseline=BASE, lanes=[_LANE], rules=rules)
    if services:
        entry = next(iter(services))
        report.assumed(
            next(iter(services.values())),
            f"the entry is {entry}, who calls whom is left open, and pods of the lane have the "
            f"label version: {_LANE}",
            fix="write calls into the LaneMesh, and the labels that your pods have",
        )
        made: Json = {one: {"lanes": [BASE, _LANE]} for one in services}
        yield mesh(name, entry, made)


def _canary(root: Node) -> Node:
    return root["spec"]["strategy"]["canary"]


def _routing(root: Node, names: Names, report: Report) -> Iterator[Json]:
    title = root["metadata"]["name"].text
    if root["kind"].text == "TrafficRouting":
        strategy = root["spec"]["strategy"]
        yield from _rules(title, strategy, strategy["weight"], names, report, enabled=True)
        return
    if root["kind"].text != "Rollout":
        report.lost(root, f"{root['kind'].text} is not imported")
        return
    first = True
    for number, step in enumerate(_canary(root)["steps"].items, 1):
        made = list(
            _rules(f"{title}-step-{number}", step, step["traffic"], names, report, enabled=first)
        )
        if made and not first:
            report.assumed(step, "one step at a time: this one's rule is written parked")
        first = first and not made
        yield from made


def _rules(  # noqa: PLR0913 (a step, and what becomes of it)
    name: str, step: Node, weight: Node, names: Names, report: Report, *, enabled: bool
) -> Iterator[Json]:
    modifier = step["requestHeaderModifier"]
    if modifier.present:
        report.lost(modifier, "requestHeaderModifier is not imported: only the dye is written")
    if step["matches"].items:
        if weight.present:
            report.assumed(weight, "the share is left out: where both are given, matches decide")
        entries = [_entry(match, report) for match in step["matches"].items]
        sayable = [one for one in entries if one]
        if sayable:
            yield rule(names.rule(name), sayable, lane=_LANE, enabled=enabled)
        else:
            report.lost(step["matches"], f"{name} has no match that can be said here: left out")
        return
    split = _share(weight, report)
    if split is not None:
        yield rule(names.rule(name), [], split=split, enabled=enabled)


def _share(weight: Node, report: Report) -> Json | None:
    percent = _percent(weight)
    if percent is None:
        if weight.present:
            report.lost(weight, f"{weight.text!r} is not a share")
        return None
    report.differs(
        weight,
        "the draw is by x-request-id at the entrance, and holds for the whole call chain",
        fix="split by something that stays, such as a cookie",
    )
    return {"by": DRAW, "weights": shares([(_LANE, percent * 100)], BASE), "otherwise": "random"}


def _percent(node: Node) -> int | None:
    text = node.text.removesuffix("%")
    return int(text) if text.isdigit() and int(text) <= 100 else None


def _entry(match: Node, report: Report) -> Json | None:
    """The conditions of one match, which must all hold; None when they cannot be said."""
    entry = Entry()
    parts = [("headers", one) for one in match["headers"].items]
    parts += [("query", one) for one in match["queryParams"].items]
    parts += [("path", match["path"])] if match["path"].present else []
    for where, node in parts:
        matcher = _matcher(node)
        if matcher is None:
            report.lost(node, "the condition cannot be said here, so its match is left out")
            return None
        if not entry.add(where, node["name"].text, matcher):
            report.lost(node, f"a second condition on {node['name'].text}: the match is left out")
            return None
    if not parts:
        report.assumed(match, "a match without conditions is left out")
    return entry.conditions


def _matcher(node: Node) -> Matcher | None:
    match node["type"].text:
        case "" | "Exact":
            return matchers.exact(node["value"].text)
        case "RegularExpression":
            return matchers.whole(node["value"].text)
        case "Prefix" | "PathPrefix":
            return {"prefix": node["value"].text}
        case _:
            return None
