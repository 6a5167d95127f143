"""What is legal but hardly meant: warnings, one function each."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from ipaddress import ip_network

from colorfast.policy._build import build_entry
from colorfast.policy._draft import Draft
from colorfast.policy._implies import entry_implies
from colorfast.policy._ir import Attribute, Entry, Kind
from colorfast.policy._model import StringMatcher
from colorfast.policy._simplify import plain_matcher

_Key = tuple[Attribute, str | None] | None


def rules_are_reachable(draft: Draft) -> None:
    """No rule is hidden by the rules before it."""
    seen: dict[_Key, list[tuple[Entry, str]]] = defaultdict(list)
    for path, rule in draft.sound_rules(whole=True):
        if not rule.enabled:
            continue
        entries: list[Entry] = [build_entry(match) for match in rule.match or ()] or [()]
        hidden_by = [_cover(entry, seen) for entry in entries]
        if all(hidden_by):
            names = ", ".join(dict.fromkeys(str(name) for name in hidden_by))
            draft.document.report(
                "CF301",
                (*path, "name"),
                f"rule {rule.name} can never match",
                why=f"the first match wins, and whatever it matches is matched before by {names}",
                fix="move it up, narrow what is above it, or remove it",
            )
        for entry in entries:
            for key in _filed_under(entry):
                seen[key].append((entry, rule.name))


def _cover(entry: Entry, seen: dict[_Key, list[tuple[Entry, str]]]) -> str | None:
    for key in _found_under(entry):
        for general, name in seen.get(key, ()):
            if entry_implies(entry, general):
                return name
    return None


def _filed_under(entry: Entry) -> Iterator[_Key]:
    # One exact condition tells most rules apart, so that a thousand of them are not compared
    # with each other.
    for condition in entry:
        exact = condition.kind in (Kind.EXACT, Kind.IN)
        if exact and not condition.negate and not condition.ignore_case:
            yield from ((condition.attribute, text) for text in condition.values)
            return
    yield (entry[0].attribute, None) if entry else None


def _found_under(entry: Entry) -> Iterator[_Key]:
    yield None
    for condition in entry:
        yield condition.attribute, None
        if condition.kind in (Kind.EXACT, Kind.IN):
            yield condition.attribute, condition.values[0]


def regexes_are_needed(draft: Draft) -> None:
    """No regex says what a plain matcher says."""
    for path, matcher in draft.matchers():
        plain = plain_matcher(matcher.regex) if matcher.regex is not None else None
        if plain is not None:
            draft.document.report(
                "CF302",
                (*path, "regex"),
                f"regex {matcher.regex!r} needs no regex",
                why="a plain matcher is easier to read, and exact ones cost nothing however many",
                fix=f"write {plain}",
            )


def values_can_occur(draft: Draft) -> None:
    """No matcher waits for a value that its part of a request never has."""
    for path, matcher in draft.matchers():
        for kind, text in _texts(matcher):
            why = _never(str(path[-1]), kind, text, folded=matcher.ignore_case)
            if why:
                draft.document.report(
                    "CF305", path, f"{path[-1]} never is {kind} {text!r}", why=why, at_key=True
                )


def _texts(matcher: StringMatcher) -> Iterator[tuple[str, str]]:
    for kind in ("exact", "prefix", "suffix", "contains"):
        text = getattr(matcher, kind)
        if text is not None:
            yield kind, text
    for text in matcher.in_ or ():
        yield "in", text


def _never(field: str, kind: str, text: str, *, folded: bool) -> str:
    starts = kind in ("exact", "in", "prefix")
    match field:
        case "host" if text != text.lower() and not folded:
            return "hosts are compared in lower case"
        case "host" if re.search(r":\d+$", text):
            return "hosts are compared without the port"
        case "method" if text != text.upper() and not folded:
            return "methods are case-sensitive, and upper-case in practice"
        case "path" if "?" in text:
            return "path ends before the ?; use query for what follows it"
        case "path" if starts and text and text[0] not in "/*":
            return "paths start with /"
    return ""


def settings_have_effect(draft: Draft) -> None:
    """No setting is written that changes nothing."""
    for path, matcher in draft.matchers():
        if matcher.ignore_case and matcher.present is not None:
            draft.document.report(
                "CF306",
                (*path, "ignoreCase"),
                "ignoreCase changes nothing for present",
                fix="remove it",
                at_key=True,
            )
        for kind in ("prefix", "suffix", "contains"):
            if getattr(matcher, kind) == "":
                draft.document.report(
                    "CF306", (*path, kind), f"an empty {kind} fits any value", fix="present: true"
                )
    for path, match in draft.matches():
        for index, block in enumerate(match.source_ip or ()):
            network = str(ip_network(block, strict=False))
            if "/" in block and block.lower() != network:
                draft.document.report(
                    "CF306",
                    (*path, "sourceIp", index),
                    f"the host bits of {block} change nothing",
                    fix=f"write {network}",
                )


LINTS: tuple[Callable[[Draft], None], ...] = (
    rules_are_reachable,
    regexes_are_needed,
    values_can_occur,
    settings_have_effect,
)
