"""Polaris lane groups, as its API and console have them: JSON, camelCase or snake_case."""

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

_KEY: Final = "lane"
_LONGEST_RANGE: Final = 1000
_WHERE: Final = {
    "HEADER": "headers",
    "COOKIE": "cookies",
    "QUERY": "query",
    "METHOD": "method",
    "PATH": "path",
    "CALLER_IP": "sourceIp",
}
_NOT_BLANK: Final[Matcher] = {"regex": r"(?s:.*\S.*)"}


def polaris(roots: list[Node], report: Report) -> Iterator[Json]:
    """A LanePolicy and a LaneMesh for each lane group."""
    for root in roots:
        for group in _groups(root):
            yield from _group(group, report)


def _groups(root: Node) -> Iterator[Node]:
    for group in (root, *root.items, *root["lanes"].items, *root["data"].items):
        if group["rules"].present and (group["entries"].present or group["destinations"].present):
            yield group


def _group(group: Node, report: Report) -> Iterator[Json]:
    names = Names(report)
    names.lane(group, BASE)
    order = sorted(
        group["rules"].items,
        key=lambda one: (one["priority"].number or 0, one["ctime"].text),
    )
    rules = [made for node in order for made in _rule(node, names, report)]
    name = object_name(group["name"].text, "lanes")
    report.differs(
        group,
        "a lane is its instance label here, and group/rule in Polaris' stain",
        fix="match routes on x-lane; a stain that clients send is dropped",
    )
    yield policy(name, header="x-lane", baseline=BASE, lanes=names.lanes.values(), rules=rules)
    services = _services(group, names, report)
    if services:
        strict = [
            names.lane(node, _label(node))
            for node in order
            if node.either("match_mode").text in ("", "STRICT") and _label(node)
        ]
        entry = _entry(group, services, report)
        yield mesh(name, entry, services, strict=list(dict.fromkeys(strict)))


def _label(node: Node) -> str:
    values = node.either("label_values").items
    text = values[0].text if values else node.either("default_label_value").text.partition(",")[0]
    return text.strip()


def _rule(node: Node, names: Names, report: Report) -> Iterator[Json]:
    label = _label(node)
    if not label:
        report.lost(node, "the rule has no label value, so it leads to no lane")
        return
    said = node.either("default_label_value")
    if "," in said.text or len(node.either("label_values").items) > 1:
        report.lost(said, f"the lane has several label values; {label} is taken")
    lane = names.lane(said, label)
    entries, whole = _entries(node.either("traffic_match_rule"), report)
    if entries is None:
        report.assumed(node, "or over no arguments never matches: left out")
        return
    split, exact = _gray(node.either("traffic_gray"), lane, report)
    enabled = node["enable"].value is True and whole and exact
    yield rule(
        names.rule(node["name"].text or lane), entries, lane=lane, split=split, enabled=enabled
    )


def _gray(gray: Node, lane: str, report: Report) -> tuple[Json | None, bool]:
    """The split of a share, and whether it says the same."""
    if gray["mode"].text == "WARMUP":
        report.lost(
            gray,
            "warming up has no equal: the rule is written parked, for everybody",
            fix="raise the weight of a split step by step",
        )
        return None, False
    percent = gray["percentage"]["percent"].number
    if percent is None or percent >= 100:
        return None, True
    report.differs(
        gray["percentage"],
        "the draw is by x-request-id: one for each request, as in Polaris",
        fix="split by something that stays, such as a cookie",
    )
    weights = shares([(lane, max(percent, 0) * 100)], BASE)
    return {"by": DRAW, "weights": weights, "otherwise": "random"}, True


def _entries(match: Node, report: Report) -> tuple[list[Json] | None, bool]:
    """Alternatives, and whether nothing is missing; None for what never matches."""
    any_of = match.either("match_mode").text == "OR"
    nodes = match["arguments"].items
    if not nodes:
        return (None if any_of else []), True
    entries, entry, whole = list[Json](), Entry(), True
    for node in nodes:
        found = _argument(node)
        if found is None:
            kind, value = node["type"].text, node["value"]["type"].text
            report.lost(node, f"{kind or 'HEADER'} {value} cannot be said here: written parked")
            whole = False
            continue
        if any_of:
            entry = Entry()
        if not entry.add(*found):
            report.lost(node, f"a second condition on {node['key'].text}: written parked")
            whole = False
        if any_of:
            entries.append(entry.conditions)
    return (entries if any_of else [entry.conditions]), whole


def _argument(node: Node) -> tuple[str, str, Matcher | list[str]] | None:
    where = _WHERE.get(node["type"].text)
    match = node["value"]
    if where is None or match.either("value_type").text not in ("", "TEXT"):
        return None
    value = match["value"]["value"] if match["value"].members else match["value"]
    kind = match["type"].text or "EXACT"
    if where == "sourceIp":
        listed = value.text.split(",") if kind == "IN" else [value.text]
        return (where, "", listed) if kind in ("EXACT", "IN") and value.text else None
    matcher = _matcher(kind, value.text)
    return None if matcher is None else (where, node["key"].text, matcher)


def _matcher(kind: str, text: str) -> Matcher | None:
    """A MatchString. Polaris takes a blank value for an absent one."""
    if text in ("", "*"):
        return _NOT_BLANK
    match kind:
        case "EXACT":
            return matchers.exact(text)
        case "REGEX":
            return matchers.found_in(text)
        case "IN":
            return matchers.one_of(text.split(","))
        case "NOT_EQUALS":
            return matchers.other_than([text, ""])
        case "NOT_IN":
            return matchers.other_than([*text.split(","), ""])
        case "RANGE":
            return _range(text)
        case _:
            return None


def _range(text: str) -> Matcher | None:
    low, _, high = text.partition("~")
    if not (low.isdigit() and high.isdigit() and int(high) - int(low) in range(_LONGEST_RANGE)):
        return None
    return matchers.one_of(map(str, range(int(low), int(high) + 1)))


def _services(group: Node, names: Names, report: Report) -> Json:
    lanes: Json = {}
    key = _KEY
    for node in group["rules"].items:
        key = node.either("label_key").text or _KEY
        if _label(node):
            lanes[names.lane(node, _label(node))] = {key: _label(node)}
    if not group["destinations"].items:
        return {}
    report.assumed(
        group["destinations"],
        f"pods of the baseline have the label {key}: {BASE}; in Polaris they have none",
        why="a label that is absent cannot be selected",
    )
    return {
        service_label(node["service"].text): {"lanes": {BASE: {key: BASE}, **lanes}}
        for node in group["destinations"].items
    }


def _entry(group: Node, services: Json, report: Report) -> str:
    for node in group["entries"].items:
        name = service_label(node["selector"]["service"].text)
        gateway = "gateway" in node["type"].text
        if name in services or (not gateway and node["selector"]["service"].text):
            services.setdefault(name, {"lanes": [BASE]})
            return name
    entry = next(iter(services))
    report.assumed(group["entries"], f"the entry is {entry}: the group's is a gateway")
    return entry
