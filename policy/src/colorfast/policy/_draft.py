"""A policy on its way from text to IR."""

from collections.abc import Iterator
from dataclasses import dataclass

from colorfast.policy._model import Match, RuleModel, SpecModel, SplitModel, StringMatcher
from colorfast.policy._source import Document, Path
from colorfast.policy._validate import Validated


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What parsed of a policy, and where it stands in its document."""

    document: Document
    at: Path
    spec: SpecModel | None
    broken: frozenset[str]
    rules: tuple[Validated[RuleModel], ...]

    def sound_rules(self, *, whole: bool = False) -> Iterator[tuple[Path, RuleModel]]:
        """The rules that parsed, with their paths; *whole*: those of which nothing is missing."""
        for index, rule in enumerate(self.rules):
            if rule.value is not None and not (whole and rule.broken):
                yield (*self.at, "rules", index), rule.value

    def splits(self) -> Iterator[tuple[Path, SplitModel]]:
        """The splits that parsed, with their paths."""
        for path, rule in self.sound_rules():
            if rule.split is not None:
                yield (*path, "split"), rule.split

    def matches(self) -> Iterator[tuple[Path, Match]]:
        """The entries that parsed, with their paths."""
        for path, rule in self.sound_rules():
            for index, match in enumerate(rule.match or ()):
                yield (*path, "match", index), match

    def matchers(self) -> Iterator[tuple[Path, StringMatcher]]:
        """Every string matcher that parsed, with its path."""
        for path, match in self.matches():
            for field in ("headers", "cookies", "query"):
                for name, matcher in (getattr(match, field) or {}).items():
                    yield (*path, field, name), matcher
            for field in ("path", "method", "host"):
                if getattr(match, field) is not None:
                    yield (*path, field), getattr(match, field)
