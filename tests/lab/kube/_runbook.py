"""What a runbook says to type besides ``kubectl apply``."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from colorfast.release import Change

Lines: TypeAlias = tuple[list[str], list[str]]
"""What is to be typed at a step at once, and when it is through; comments are conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What is to be typed at a step, as things are."""

    now: list[str]
    """At once."""
    on: list[str]
    """In the end."""
    instead: list[str]
    """Instead of applying anything."""
    waiting: list[str]
    """When the controller waits although nobody has told it to begin."""


def commands(runbook: str) -> dict[tuple[bool, int], Lines]:
    """The lines of every step, by whether it goes back, and its number."""
    found: dict[tuple[bool, int], Lines] = {}
    typed = re.compile(r"(?m)^(?:kubectl (?!apply)|# (?:after|as often)).*$")
    for back, part in enumerate(runbook.split("# Giving it up")):
        for section in re.split(r"(?m)^## ", part)[1:]:
            number = int(section.partition(".")[0])
            now, _, on = section.partition("\nUntil: ")
            found[bool(back), number] = typed.findall(now), typed.findall(on)
    return found


def typed_at(lines: Lines, changes: Sequence[Change], done: Collection[int]) -> Typed:
    """What *lines* say for *changes*, when the steps *done* of the rollback are."""
    now, on = (
        [line for line in some if any(is_for(line, one) for one in changes)] for some in lines
    )
    instead = [re.fullmatch(r"# after step (\d+) instead: (.*)", line) for line in now]
    waiting = [re.fullmatch(r"# as often as it waits then: (.*)", line) for line in now]
    return Typed(
        now=[line for line in now if line[0] != "#"],
        on=on,
        instead=[one[2] for one in instead if one is not None and int(one[1]) in done],
        waiting=[one[1] for one in waiting if one is not None],
    )


def is_for(line: str, change: Change) -> bool:
    """Whether *line* is about *change*."""
    return f" -n {change.service.namespace} {change.name} " in f"{line} "
