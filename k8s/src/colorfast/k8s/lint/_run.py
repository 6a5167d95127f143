"""Manifests in, findings out: our own kinds by their loaders, everything else by the rules."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Final, TypeAlias

from colorfast.k8s._findings import in_order
from colorfast.k8s.lint._index import build_index
from colorfast.k8s.lint._rule import Hit, Rule
from colorfast.k8s.lint._rules import CODES, RULES, UNUSED
from colorfast.k8s.manifests import Bundle, Ignore, Kind, Manifest, Skip
from colorfast.k8s.targets import Version
from colorfast.policy import (
    Diagnostic,
    InvalidInput,
    Mesh,
    Policy,
    check_fit,
    load_mesh,
    load_policy,
)

Loader: TypeAlias = Callable[[str, str], Iterable[Diagnostic]]
"""What is wrong with an object of ours, of its text and the name of its file."""

ANNOTATION: Final = "colorfast.dev/ignore"
MAX_HITS: Final = 1_000
"""Findings of one rule; who has more of them has one problem."""
_CODE: Final = re.compile(r"CF\d{3}")
_SUPPRESSIBLE: Final = ("CF3", "CF5")
"""A file with an error of another kind is not read, whatever a comment says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of linting. *suppressed* findings are known, and meant to be."""

    findings: tuple[Diagnostic, ...]
    suppressed: tuple[Diagnostic, ...] = ()
    skips: tuple[Skip, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()
    """How often something was skipped, by reason, most first."""
    policies: tuple[Policy, ...] = ()
    meshes: tuple[Mesh, ...] = ()


@dataclass(slots=True)
class _Mark:
    """A suppression: a comment or an annotation."""

    code: str
    file: str
    line: int
    column: int
    lines: tuple[int, ...] = ()
    owner: Manifest | None = None
    used: bool = False

    def takes(self, finding: Diagnostic, owner: Manifest | None) -> bool:
        if not finding.code.startswith(_SUPPRESSIBLE):
            return False
        if self.owner is not None:
            return owner is self.owner
        return finding.file == self.file and finding.line in self.lines


@dataclass(slots=True)
class _Found:
    findings: list[tuple[Diagnostic, Manifest | None]] = field(default_factory=list)
    places: set[tuple[str, str, int]] = field(default_factory=set)
    policies: list[Policy] = field(default_factory=list)
    meshes: list[Mesh] = field(default_factory=list)

    def add(self, diagnostics: Iterable[Diagnostic], owner: Manifest | None = None) -> None:
        """Add *diagnostics*, except those that an earlier call has added."""
        new = [one for one in diagnostics if _place(one) not in self.places]
        self.findings += [(one, owner) for one in new]
        self.places.update(map(_place, new))


def _place(one: Diagnostic) -> tuple[str, str, int]:
    """What it is and where, whichever way the file was found."""
    return one.code, os.path.abspath(one.file), one.line  # noqa: PTH100 (of a name, not of a file)


def lint(
    bundle: Bundle,
    *,
    istio: Version | None = None,
    loaders: Mapping[Kind, Loader] = MappingProxyType({}),
) -> Report:
    """Hold everything in *bundle* to the rules. *istio*: the version that it is for, when known.

    *loaders* are for kinds that rooms above this one know; without one a kind is not looked at.
    """
    found = _Found()
    found.add(bundle.findings)
    for manifest, piece in bundle.texts:
        if manifest.kind not in loaders:
            _load(manifest, piece.in_place, found)
    _fit(found)
    # They may name policies and meshes that are among the files, and have had their say now.
    for manifest, piece in bundle.texts:
        if manifest.kind in loaders:
            found.add(loaders[manifest.kind](piece.in_place, manifest.file), manifest)
    index = build_index(bundle.manifests, found.policies, istio=istio)
    for rule in RULES:
        for hit in islice(rule.check(index), MAX_HITS):
            found.findings.append((_finding(rule, hit), hit.owner))
    kept, suppressed = _suppress(found.findings, _marks(bundle))
    return Report(
        findings=in_order(kept),
        suppressed=in_order(suppressed),
        skips=tuple(bundle.skips),
        skipped=tuple(bundle.skipped.most_common()),
        policies=tuple(found.policies),
        meshes=tuple(found.meshes),
    )


def _load(manifest: Manifest, text: str, found: _Found) -> None:
    diagnostics: tuple[Diagnostic, ...] = ()
    try:
        if manifest.kind is Kind.LANE_POLICY:
            loaded = load_policy(text, file=manifest.file)
            found.policies.append(loaded.policy)
            diagnostics = loaded.diagnostics
        elif manifest.kind is Kind.LANE_MESH:
            found.meshes.append(load_mesh(text, file=manifest.file))
    except InvalidInput as error:
        diagnostics = error.diagnostics
    found.add(diagnostics, manifest)


def _fit(found: _Found) -> None:
    """Whether every LaneMesh fits the LanePolicy; of several it is not known which is meant."""
    if len(found.policies) != 1:
        return
    for one in found.meshes:
        try:
            check_fit(found.policies[0], one)
        except InvalidInput as error:
            found.findings += [(diagnostic, None) for diagnostic in error.diagnostics]


def _finding(rule: Rule, hit: Hit) -> Diagnostic:
    line, column = hit.at
    return Diagnostic(
        code=rule.code,
        level="note" if hit.note else rule.level,
        file=hit.owner.file,
        line=line,
        column=column,
        what=hit.what,
        why=rule.why,
        fix=hit.fix or rule.fix,
    )


def _marks(bundle: Bundle) -> list[_Mark]:
    marks = [_comment(one) for one in bundle.ignores]
    for manifest in bundle.manifests:
        node = manifest.annotations.get(ANNOTATION)
        if node is not None:
            line, column = node.at
            marks += [
                _Mark(code, manifest.file, line, column, owner=manifest)
                for code in _CODE.findall(node.text) or [""]
            ]
    return marks


def _comment(one: Ignore) -> _Mark:
    return _Mark(one.code, one.file, one.line, one.column, lines=one.lines)


def _suppress(
    findings: list[tuple[Diagnostic, Manifest | None]], marks: list[_Mark]
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    kept = list[Diagnostic]()
    suppressed = list[Diagnostic]()
    by_code = defaultdict[str, list[_Mark]](list)
    for mark in marks:
        by_code[mark.code].append(mark)
    for finding, owner in findings:
        taking = [mark for mark in by_code[finding.code] if mark.takes(finding, owner)]
        for mark in taking:
            mark.used = True
        (suppressed if taking else kept).append(finding)
    kept += [_unused(mark) for mark in marks if not mark.used]
    return kept, suppressed


def _unused(mark: _Mark) -> Diagnostic:
    named = f"{mark.code} is ignored here, and there is none"
    return Diagnostic(
        code=UNUSED,
        level=CODES[UNUSED][0],
        file=mark.file,
        line=mark.line,
        column=mark.column,
        what=named if mark.code else "the suppression names no code",
        why="it would hide the next finding of its kind" if mark.code else "",
        fix="remove it" if mark.code else "write # colorfast: ignore CF512, with the code",
    )
