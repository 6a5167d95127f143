"""Objects of a cluster out of documents; lists flattened, the rest skipped with a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, TypeAlias

from colorfast.k8s.manifests._kinds import Kind, kind_of
from colorfast.k8s.manifests._node import Node

_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml")
"""In files of these names kustomize does not ask for a kind."""
_UNREAD: Final = frozenset({"managedFields", "status"})
"""What the cluster writes; no rule reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object. *namespace* is empty when the file leaves it to whoever applies it."""

    kind: Kind
    name: str
    namespace: str
    file: str
    root: Node

    @property
    def spec(self) -> Node:
        """Its ``spec``."""
        return self.root["spec"]

    @property
    def annotations(self) -> dict[str, Node]:
        """Its annotations."""
        return self.root["metadata"]["annotations"].members

    @property
    def title(self) -> str:
        """What a finding calls it."""
        kind = self.kind.partition(".")[0]
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Something that is not looked at, and why. *line* 0 is the file as a whole."""

    file: str
    line: int = 0
    reason: str


Found: TypeAlias = Manifest | Skip


def manifests_of(root: Node, file: str) -> Iterator[Found]:
    """The objects of one document."""
    ahead = [root]
    while ahead:
        node = ahead.pop()
        if node["kind"].text.endswith("List") and isinstance(node["items"].value, list):
            ahead.extend(reversed(node["items"].items))
        else:
            yield _manifest(node, file)


def _manifest(node: Node, file: str) -> Found:
    line = node.at[0]
    kind_name, api_version = node["kind"].text, node["apiVersion"].text
    if not kind_name and PurePath(file).name in _KUSTOMIZATIONS:
        kind_name, api_version = "Kustomization", "kustomize.config.k8s.io/v1beta1"
    if not isinstance(node.value, dict) or not kind_name or not api_version:
        return Skip(file=file, line=line, reason="no Kubernetes object: apiVersion or kind missing")
    kind = kind_of(api_version, kind_name)
    if kind is None:
        group = api_version.rpartition("/")[0] or "core"
        return Skip(file=file, line=line, reason=f"no rule looks at {_short(kind_name, group)}")
    name = node["metadata"]["name"].text or node["metadata"]["generateName"].text
    if not name and kind is not Kind.KUSTOMIZATION:
        return Skip(file=file, line=line, reason="an object without metadata.name")
    return Manifest(
        kind=kind,
        name=name,
        namespace=node["metadata"]["namespace"].text,
        file=file,
        root=_kept(node),
    )


def _short(kind: str, group: str) -> str:
    return f"{kind[:64]} ({group[:64]})"


def _kept(node: Node) -> Node:
    members = {key: one for key, one in node.members.items() if key not in _UNREAD}
    metadata = members.get("metadata")
    if metadata is not None and "managedFields" in metadata.members:
        kept = {key: one for key, one in metadata.members.items() if key not in _UNREAD}
        members["metadata"] = metadata.holding(kept)
    return node.holding(members)
