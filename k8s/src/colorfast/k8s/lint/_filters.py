"""HTTP filters in manifests, and which headers they write."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from colorfast.k8s.lint._lua import Script, read_script
from colorfast.k8s.manifests import Kind, Literal, Manifest, Node

LUA: Final = "Lua"
EXT_PROC: Final = "ExternalProcessor"
HEADER_MUTATION: Final = "HeaderMutation"
_TYPES: Final = (LUA, EXT_PROC, HEADER_MUTATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFilter:
    """An HTTP filter that an EnvoyFilter's *patch* brings, or a TrafficExtension's script.

    *config* is its typed configuration. One patch may bring several, one in another.
    """

    owner: Manifest
    patch: Node
    config: Node
    type: str
    name: str
    context: str
    """GATEWAY, SIDECAR_OUTBOUND, SIDECAR_INBOUND or ANY."""
    script: Script | None = None
    source: Node | None = None
    """Where the script is."""

    @property
    def at_gateway(self) -> bool:
        """Whether it runs where requests enter."""
        return self.context in ("GATEWAY", "ANY")

    def line_of(self, line: int) -> int:
        """The file's line of the script's *line*, 0 when it cannot be told."""
        if self.source is None or not isinstance(self.source.value, Literal):
            return 0
        return self.source.at[0] + 1 + line


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A filter writes *value* (None: not known) into *header*."""

    filter: HttpFilter
    node: Node
    header: str
    value: str | None


def filters_of(owner: Manifest) -> Iterator[HttpFilter]:
    """The HTTP filters of an EnvoyFilter or TrafficExtension."""
    if owner.kind is Kind.TRAFFIC_EXTENSION:
        source = owner.spec["lua"]["inlineCode"]
        if source.text:
            modes = {one["mode"].text for one in owner.spec["match"].items}
            context = "GATEWAY" if modes == {"CLIENT"} else "ANY"
            config = owner.spec["lua"]
            yield _lua(owner, owner.spec, config, source, name=owner.name, context=context)
        return
    for patch in owner.spec["configPatches"].items:
        if patch["applyTo"].text == "HTTP_FILTER":
            yield from _patched(owner, patch)


def _patched(owner: Manifest, patch: Node) -> Iterator[HttpFilter]:
    context = patch["match"]["context"].text or "ANY"
    name = patch["patch"]["value"]["name"].text
    for node in patch["patch"]["value"].walk():
        kind = node["@type"].text.rpartition(".")[2]
        if kind == LUA:
            yield _lua(owner, patch, node, lua_source(node), name=name, context=context)
        elif kind in _TYPES:
            yield HttpFilter(
                owner=owner, patch=patch, config=node, type=kind, name=name, context=context
            )


def lua_source(config: Node) -> Node:
    """Where a Lua filter's script is."""
    inline = config.either("default_source_code").either("inline_string")
    return inline if inline.present else config.either("inline_code")


def _lua(  # noqa: PLR0913 (one a field)
    owner: Manifest, patch: Node, config: Node, source: Node, *, name: str, context: str
) -> HttpFilter:
    return HttpFilter(
        owner=owner,
        patch=patch,
        config=config,
        type=LUA,
        name=name,
        context=context,
        script=read_script(source.text),
        source=source,
    )


def writes_of(one: HttpFilter) -> Iterator[Write]:
    """The headers that a filter is seen to write."""
    if one.script is not None:
        for call in one.script.calls:
            if call.verb != "remove" and call.header:
                yield Write(
                    filter=one, node=one.source or one.config, header=call.header, value=call.value
                )
    elif one.type == HEADER_MUTATION:
        for node in one.config.either("mutations").either("request_mutations").items:
            header = node["append"]["header"]
            if header["key"].text:
                value = header["value"].text
                yield Write(
                    filter=one,
                    node=header["key"],
                    header=header["key"].text.lower(),
                    value=None if "%" in value else value,
                )


def removes_of(one: HttpFilter) -> Iterator[str | None]:
    """The headers that a filter is seen to remove; None for one that is not known."""
    if one.script is not None:
        yield from (call.header for call in one.script.calls if call.verb == "remove")
    elif one.type == HEADER_MUTATION:
        for node in one.config.either("mutations").either("request_mutations").items:
            if node["remove"].text:
                yield node["remove"].text.lower()
