"""A rule, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from colorfast.k8s.lint._index import Index
from colorfast.k8s.manifests import Manifest, Node
from colorfast.policy import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A place where a rule does not hold.

    *note*: the object that would decide it is not among the files. *line* overrides the line of
    *node*, for what stands inside of a text.
    """

    owner: Manifest
    node: Node
    what: str
    fix: str = ""
    """Instead of the rule's own."""
    note: bool = False
    at_key: bool = False
    line: int = 0

    @property
    def at(self) -> tuple[int, int]:
        """Line and column."""
        if self.line:
            return self.line, 1
        return self.node.key_at if self.at_key else self.node.at


Check = Callable[[Index], Iterator[Hit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that can be wrong with manifests: how to find it, why it matters, the way out."""

    code: str
    level: Level
    title: str
    check: Check = field(repr=False)
    why: str
    fix: str
