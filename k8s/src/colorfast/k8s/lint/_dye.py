"""Rules about filters that dye: Lua, where the filter stands, whom it applies to."""

from collections.abc import Iterator
from typing import Final

from colorfast.k8s.lint._ext_proc import is_dye
from colorfast.k8s.lint._filters import EXT_PROC, LUA, HttpFilter, removes_of
from colorfast.k8s.lint._index import Index
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Node
from colorfast.k8s.targets import Version

_TARGET_REFS: Final = Version(1, 27)
_AUTHN: Final = "envoy.filters.http.jwt_authn"
"""A filter behind this one can have claims in its rules: worth its price."""


def lua_replaces(index: Index) -> Iterator[Hit]:
    """Lua replaces a lane header, so that no line of the client's stays."""
    for one in index.filters:
        calls = one.script.calls if one.script else ()
        for number, call in enumerate(calls):
            if call.verb != "add" or not call.header or not index.is_lane_header(call.header):
                continue
            if any(before.verb == "remove" and before.header in (call.header, None)
                   for before in calls[:number]):  # fmt: skip
                continue
            yield Hit(
                owner=one.owner,
                node=one.source or one.config,
                what=f"the script adds a line to {call.header}, beside what the client sent",
                line=one.line_of(call.line),
            )


def lua_strips(index: Index) -> Iterator[Hit]:
    """At an entrance, Lua leaves no lane header of the client's behind."""
    removed = {name for one in index.filters if one.at_gateway for name in removes_of(one)}
    for one in index.filters:
        if one.script is None or not one.at_gateway or None in removed:
            continue
        written: dict[str, int] = {}
        for call in one.script.calls:
            if call.verb != "remove" and call.header and call.header != "baggage":
                written.setdefault(call.header, call.line)
        for header, line in written.items():
            if header in removed or one.script.always(header) or not index.is_lane_header(header):
                continue
            yield Hit(
                owner=one.owner,
                node=one.source or one.config,
                what=f"the script writes {header} only sometimes, and never removes it",
                line=one.line_of(line),
            )


def dye_is_first(index: Index) -> Iterator[Hit]:
    """At an entrance, nothing runs before the dye."""
    for one, patch in _dyes(index):
        operation = patch["patch"]["operation"]
        anchor = _anchor(patch)
        front = operation.text == "INSERT_FIRST" or (
            operation.text == "INSERT_BEFORE" and not anchor.text
        )
        if one.at_gateway and not front and operation.text != "ADD" and anchor.text != _AUTHN:
            where = f"{operation.text} {anchor.text}".strip()
            yield Hit(
                owner=one.owner,
                node=operation,
                what=f"filter {one.name} dyes, and it is not the first one: {where}",
            )


def _dyes(index: Index) -> Iterator[tuple[HttpFilter, Node]]:
    """Filters of EnvoyFilters that write a lane header, one a patch."""
    writers = [one.filter for one in index.writes if index.is_lane_header(one.header)]
    dyes = [
        *writers,
        *(one for one in index.filters if one.type == EXT_PROC and is_dye(index, one)),
    ]
    seen: set[Node] = set()
    for one in dyes:
        if one.owner.kind is Kind.ENVOY_FILTER and one.patch not in seen:
            seen.add(one.patch)
            yield one, one.patch


def _anchor(patch: Node) -> Node:
    return patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"]


def not_behind_router(index: Index) -> Iterator[Hit]:
    """No HTTP filter stands behind the router."""
    for owner in index.all(Kind.ENVOY_FILTER):
        for patch in owner.spec["configPatches"].items:
            operation = patch["patch"]["operation"]
            if patch["applyTo"].text == "HTTP_FILTER" and operation.text == "ADD":
                name = patch["patch"]["value"]["name"].text
                what = f"ADD puts {name or 'the filter'} behind the router"
                yield Hit(owner=owner, node=operation, what=what)


def target_refs_are_read(index: Index) -> Iterator[Hit]:
    """``targetRefs`` is used where Istio reads it."""
    if index.istio is None or index.istio >= _TARGET_REFS:
        return
    for owner in index.all(Kind.ENVOY_FILTER):
        node = owner.spec["targetRefs"]
        if node.present:
            what = f"Istio {index.istio} does not read targetRefs: this is for the whole namespace"
            yield Hit(owner=owner, node=node, what=what, at_key=True)


def route_is_picked_again(index: Index) -> Iterator[Hit]:
    """After the dye the route is picked again."""
    for one in index.filters:
        if one.type == EXT_PROC and is_dye(index, one):
            action = one.config.either("route_cache_action")
            if action.text != "CLEAR":
                said = f"route_cache_action is {action.text}" if action.text else "nothing says so"
                yield Hit(
                    owner=one.owner,
                    node=action if action.present else one.config,
                    what=f"the route is not picked again after {one.name}: {said}",
                    at_key=not action.present,
                )
        elif one.type == LUA and one.script is not None:
            clear = one.config.either("clear_route_cache")
            writes = any(call.header and index.is_lane_header(call.header)
                         for call in one.script.calls)  # fmt: skip
            if clear.value is False and writes and not one.script.clears_route:
                what = f"the route is not picked again after {one.name}: clear_route_cache is false"
                yield Hit(owner=one.owner, node=clear, what=what)
