"""Higress' ``traffic-tag`` plugin: condition groups, weight groups, a default tag.

The first condition group that matches sets its tag; without one, a draw over the weight groups
does; without either, the default tag is set. A request that has the header already keeps it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
    object_name,
    policy,
    rule,
    shares,
)
from colorfast.k8s.manifests import Node

_SOURCES: Final = {"header": "headers", "cookie": "cookies", "parameter": "query"}
_KEYS: Final = frozenset({"defaultTagKey", "defaultTagVal", "conditionGroups", "weightGroups"})
_GROUP: Final = frozenset({"headerName", "headerValue", "logic", "conditions"})


def percentage_bucket(value: bytes) -> int:
    """0 to 99: below N, ``percentage: N`` takes a value. No salt, so it is the same everywhere."""
    return int.from_bytes(hashlib.sha256(value).digest()[:8]) % 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Percentage:
    node: Node
    where: str
    key: str
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    where: str
    key: str
    matcher: Matcher


_Atom = _Condition | _Percentage


class _UnusableError(Exception):
    """A condition that cannot be said; the report has it."""


def higress(users: Iterable[str] = ()) -> Callable[[list[Node], Report], Iterator[Json]]:
    """The importer. *users* are values of percentages whose lane is to stay as it was."""
    known = tuple(dict.fromkeys(users))

    def convert(roots: list[Node], report: Report) -> Iterator[Json]:
        for root in roots:
            for name, config, scope in _configs(root, report):
                yield _Config(config, report, known).policy(name, scope)

    return convert


def _configs(root: Node, report: Report) -> Iterator[tuple[str, Node, str]]:
    """Plugin configurations, on their own or in a WasmPlugin."""
    if root["kind"].text != "WasmPlugin":
        if _KEYS & root.members.keys():
            yield "traffic-tag", root, ""
        return
    name = object_name(root["metadata"]["name"].text, "traffic-tag")
    default = root["spec"]["defaultConfig"]
    if default.members and root["spec"]["defaultConfigDisable"].value is not True:
        yield name, default, ""
    for number, one in enumerate(root["spec"]["matchRules"].items, 1):
        if one["config"].members and one["configDisable"].value is not True:
            scope = ", ".join(
                node.text for key in ("domain", "ingress", "service") for node in one[key].items
            )
            report.lost(
                one, f"this configuration is for {scope} only",
                fix="give it to those gateways only, or add a host to each of its rules",
            )  # fmt: skip
            yield f"{name}-{number}", one["config"], scope


class _Config:
    """One configuration on its way to a policy."""

    def __init__(self, node: Node, report: Report, users: tuple[str, ...]) -> None:
        self._node = node
        self._report = report
        self._users = users
        self._names = Names(report)
        groups = (*node["conditionGroups"].items, *node["weightGroups"].items)
        named = (node["defaultTagKey"], *(one["headerName"] for one in groups))
        self._header = next((one.text.lower() for one in named if one.text), "x-mse-tag")
        tag = node["defaultTagVal"]
        whole = bool(tag.text and node["defaultTagKey"].text)
        self._default = self._names.lane(tag) if whole else None

    @property
    def _rest(self) -> str:
        return self._default or BASE

    def policy(self, name: str, scope: str) -> Json:
        self._look_for_strangers()
        rules = [one for group in self._groups() for one in group]
        rules += self._weights()
        lanes = [*self._names.lanes.values()]
        self._report.differs(
            self._node,
            f"clients may choose a lane by sending {self._header}, as they may in Higress",
            why="traffic-tag never overwrites the header; other values than these lanes are "
            "dropped here",
            fix="remove edge, unless clients are to choose",
        )
        if self._default is None:
            what = f"the baseline is called {BASE}: there is no default tag"
            self._report.assumed(self._node, what)
        return policy(
            name,
            header=self._header,
            baseline=self._rest,
            lanes=lanes,
            rules=rules,
            default=self._default,
            accept=lanes,
        )

    def _look_for_strangers(self) -> None:
        for key, node in self._node.members.items():
            if key not in _KEYS:
                self._report.lost(node, f"{key} is not a key that Higress reads")
        for group in self._node["conditionGroups"].items:
            for key in group.members.keys() - _GROUP:
                self._report.lost(group[key], f"{key} is not a key that Higress reads")

    def _groups(self) -> Iterator[list[Json]]:
        groups = self._node["conditionGroups"].items
        for number, group in enumerate(groups, 1):
            if group["headerName"].text.lower() != self._header:
                self._report.lost(
                    group["headerName"],
                    f"group {number} sets {group['headerName'].text}, not {self._header}",
                    why="a policy has one lane header; here such requests go on to the next rule",
                )
                continue
            last = number == len(groups) and not self._node["weightGroups"].items
            lane = self._names.lane(group["headerValue"])
            yield list(self._group(f"group-{number}", group, lane, last=last))

    def _group(self, name: str, group: Node, lane: str, *, last: bool) -> Iterator[Json]:
        logic = group["logic"].text.lower()
        nodes = group["conditions"].items
        if not nodes:
            self._report.assumed(group, f"{name} has no conditions, so it never matches: left out")
            return
        if logic not in ("and", "or"):
            self._report.lost(group["logic"], f"{name} has no logic, and or or: left out")
            return
        atoms, whole = list[_Atom](), True
        for node in nodes:
            try:
                atoms.append(self._atom(node))
            except _UnusableError:
                whole = False
        if logic == "and":
            yield from self._all(name, group, lane, atoms, whole=whole, last=last)
        else:
            yield from self._any(name, lane, atoms, last=last)

    def _atom(self, node: Node) -> _Atom:
        where = _SOURCES.get(node["conditionType"].text)
        key, operator = node["key"].text, node["operator"].text
        values = [one.text for one in node["value"].items]
        listed = operator in ("in", "not_in")
        if where is None or not key or not values or (len(values) > 1 and not listed):
            self._unusable(node, "the condition is one that Higress refuses")
        if key.startswith(":"):
            self._unusable(node["key"], f"{key} is no header here", "use path, method or host")
        if where == "query" and any(set(value) & {" ", "+"} for value in values):
            self._report.differs(node["value"], "a + in a query is a plus here, a space in Higress")
        if operator == "percentage":
            return self._percentage(node, where or "", key, values[0])
        matcher = _matcher(operator, values)
        if matcher is None:
            self._unusable(node, f"{operator} {values[0]!r} cannot be said here")
        return _Condition(where=where or "", key=key, matcher=matcher or {})

    def _percentage(self, node: Node, where: str, key: str, value: str) -> _Atom:
        if not value.isdigit() or int(value) > 100:
            self._unusable(node["value"], f"{value!r} is no percentage")
        if where == "query":
            self._unusable(node, "a share by a query parameter cannot be said here")
        percent = int(value)
        if percent == 100:
            return _Condition(where=where, key=key, matcher=matchers.PRESENT)
        return _Percentage(node=node, where=where, key=key, percent=percent)

    def _unusable(self, node: Node, what: str, fix: str = "") -> None:
        self._report.lost(node, what, fix=fix)
        raise _UnusableError

    def _all(  # noqa: PLR0913 (a group, and where it stands)
        self, name: str, group: Node, lane: str, atoms: list[_Atom], *, whole: bool, last: bool
    ) -> Iterator[Json]:
        entry, shared = Entry(), list[_Percentage]()
        for atom in atoms:
            if isinstance(atom, _Percentage):
                shared.append(atom)
            elif not entry.add(atom.where, atom.key, atom.matcher):
                what = f"{name} has two conditions on {atom.key}, and here a value has one"
                self._report.lost(group, what)
                whole = False
        if len(shared) > 1:
            self._report.lost(shared[1].node, f"{name} has two percentages that must both hold")
            whole = False
        if not whole:
            what = f"{name} is written parked: it would match more than in Higress"
            self._report.lost(group, what, fix="complete the rule, then remove enabled: false")
        if shared:
            yield from self._shares(name, lane, shared[0], entry, enabled=whole, last=last)
        else:
            unique = self._names.rule(name)
            yield rule(unique, [entry.conditions], lane=lane, enabled=whole and bool(atoms))

    def _any(self, name: str, lane: str, atoms: list[_Atom], *, last: bool) -> Iterator[Json]:
        entries = []
        for atom in atoms:
            if isinstance(atom, _Condition):
                entry = Entry()
                entry.add(atom.where, atom.key, atom.matcher)
                entries.append(entry.conditions)
        if entries:
            yield rule(self._names.rule(name), entries, lane=lane)
        shared = [atom for atom in atoms if isinstance(atom, _Percentage)]
        for number, atom in enumerate(shared, 1):
            final = last and number == len(shared)
            yield from self._shares(name, lane, atom, Entry(), enabled=True, last=final)

    def _shares(  # noqa: PLR0913 (a percentage, and where it stands)
        self, name: str, lane: str, one: _Percentage, others: Entry, *, enabled: bool, last: bool
    ) -> Iterator[Json]:
        """Who has the key is dealt over the lane and what comes of the others."""
        if one.percent == 0:
            self._report.assumed(one.node, "0 percent never matches: left out")
            return
        if not last:
            self._report.differs(
                one.node,
                f"the other {100 - one.percent} % get {self._rest} here; in Higress they go on to "
                "what follows",
                fix="put what follows before this rule, if it is meant for them",
            )
        what = "the share is the same, and other users are in it: the hashes differ"
        fix = "name users that must stay with --user" if not self._users else ""
        self._report.differs(one.node, what, fix=fix)
        key = "header" if one.where == "headers" else "cookie"
        if not others.add(one.where, one.key, matchers.PRESENT):
            enabled = False
            self._report.lost(one.node, f"{one.key} has another condition, too: written parked")
        inside = [user for user in self._users if _is_in(user, one.percent)]
        outside = [user for user in self._users if not _is_in(user, one.percent)]
        for users, gets in ((inside, lane), (outside, self._rest)):
            if users:
                kept = Entry({k: _copied(v) for k, v in others.conditions.items()})
                kept.conditions[one.where][one.key.lower() if key == "header" else one.key] = (
                    matchers.one_of(users)
                )
                unique = self._names.rule(f"{name}-users")
                yield rule(unique, [kept.conditions], lane=gets, enabled=enabled)
        split = {
            "by": [{key: one.key}],
            "weights": shares([(lane, one.percent * 100)], self._rest),
            "otherwise": self._rest,
        }
        yield rule(self._names.rule(name), [others.conditions], split=split, enabled=enabled)

    def _weights(self) -> Iterator[Json]:
        given = []
        groups = self._node["weightGroups"].items
        for group in groups:
            weight = group["weight"].number or 0
            if group["headerName"].text.lower() != self._header:
                self._report.lost(group, f"this group sets {group['headerName'].text}")
                continue
            given.append((self._names.lane(group["headerValue"]), weight * 100))
        total = sum(parts for _, parts in given)
        if total > 10_000 or any(parts < 0 for _, parts in given):
            self._report.refuse(self._node["weightGroups"], "the weights are more than 100")
            return
        if not total:
            return
        self._report.differs(
            self._node["weightGroups"],
            "the draw is by x-request-id: one for each request, as in Higress",
            why="who is drawn changes with every request",
            fix="split by something that stays, such as a cookie or sourceIp",
        )
        weights = shares(given, self._rest)
        split = {"by": DRAW, "weights": weights, "otherwise": "random"}
        yield rule(self._names.rule("weights"), [], split=split)


def _copied(value: object) -> object:
    return dict(value) if isinstance(value, dict) else value


def _is_in(user: str, percent: int) -> bool:
    return percentage_bucket(user.encode()) < percent


def _matcher(operator: str, values: list[str]) -> Matcher | None:
    match operator:
        case "equal":
            return matchers.exact(values[0])
        case "not_equal" | "not_in":
            return matchers.other_than(values)
        case "prefix":
            return {"prefix": values[0]}
        case "in":
            return matchers.one_of(values)
        case "regex":
            return matchers.found_in(values[0])
        case _:
            return None
