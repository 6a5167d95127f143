"""The one place where RE2's own rewriting of a pattern shows, and what is done about it."""

from colorfast.policy._regex_ast import Chars, Either, Node, inside
from colorfast.policy._regex_chars import Range, merge
from colorfast.policy._regex_limits import DfaError, Steps
from colorfast.policy._regex_utf8 import is_loose


def check_exact(tree: Node, steps: Steps) -> None:
    """Raises DfaError when what *tree* takes depends on how RE2 rewrites it.

    RE2 joins the classes of some alternatives, and a joined class that reaches from U+0080 to the
    last code point takes invalid UTF-8 that none of its parts takes. Which ones it joins is its own
    affair, so alternatives that could come to that are refused.
    """
    nodes = [tree]
    while nodes:
        steps.spend()
        node = nodes.pop()
        if not isinstance(node, Either):
            nodes += inside(node)
        elif is_loose(merge(_exact_ranges(node, steps))):
            raise DfaError("has alternatives that are all characters when taken together")


def _exact_ranges(node: Node, steps: Steps) -> list[Range]:
    found: list[Range] = []
    nodes = [node]
    while nodes:
        node = nodes.pop()
        nodes += inside(node)
        if isinstance(node, Chars) and not is_loose(node.ranges):
            steps.spend(len(node.ranges))
            found += node.ranges
        steps.spend()
    return found
