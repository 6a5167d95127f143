"""Paths to manifests: files, folders and stdin, read within bounds.

What cannot be read is a finding, what is not looked at is a skip with a reason. Nothing here
raises, and nothing holds more than one file's text, or more objects than ``MAX_KEPT`` allows.
"""

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from colorfast.k8s.manifests._comments import MAX_IGNORES, Ignore, ignores_of
from colorfast.k8s.manifests._documents import NO_KEY, Piece, read_documents
from colorfast.k8s.manifests._kinds import Kind
from colorfast.k8s.manifests._manifest import Manifest, Skip, manifests_of
from colorfast.policy import Diagnostic

STDIN: Final = "-"
SUFFIXES: Final = (".yaml", ".yml", ".json")
MAX_BYTES: Final = 10 << 20
"""Bytes of one file."""
MAX_KEPT: Final = 250_000
"""Values of all objects that are looked at together."""
MAX_OURS: Final = 500
"""LanePolicies, LaneMeshes and LaneReleases that are loaded."""
MAX_SKIPS: Final = 1_000
"""Skips that are kept one by one, and reasons that are told apart; all of them are counted."""

OURS: Final = (Kind.LANE_POLICY, Kind.LANE_MESH, Kind.LANE_RELEASE)


@dataclass(slots=True)
class Bundle:
    """Everything that was read. *texts* are the documents of our own kinds, by their manifest."""

    manifests: list[Manifest] = field(default_factory=list)
    texts: list[tuple[Manifest, Piece]] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    ignores: list[Ignore] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    files: list[tuple[str, str]] = field(default_factory=list)
    """Each file that was read, with the path on the command line that led to it."""
    kept: int = 0
    full: bool = False
    """Whether something was left out because there was too much."""

    def skip(self, one: Skip) -> None:
        """Count *one*, and keep it while there are few."""
        known = one.reason in self.skipped or len(self.skipped) < MAX_SKIPS
        self.skipped[one.reason if known else "no rule looks at other kinds, too"] += 1
        if len(self.skips) < MAX_SKIPS:
            self.skips.append(one)


def read_manifests(paths: Iterable[str]) -> Bundle:
    """Read every manifest in *paths*: files, folders with all that is below, ``-`` for stdin."""
    bundle = Bundle()
    seen: set[str] = set()
    for path in paths:
        for file in _files(path, bundle):
            real = os.path.realpath(file) if file != STDIN else STDIN
            if real not in seen and not bundle.full:
                seen.add(real)
                _read_file(file, path, bundle)
    _skip_patches(bundle)
    return bundle


def _files(path: str, bundle: Bundle) -> Iterator[str]:
    if path == STDIN or not os.path.isdir(path):  # noqa: PTH112 (a Path would turn "" into ".")
        yield path
        return
    found = False
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = os.path.join(folder, name)  # noqa: PTH118 (as it was given)
            if name.endswith(SUFFIXES) and not name.startswith(".") and _is_regular(file):
                found = True
                yield file
    if not found:
        what = "no file here ends in " + ", ".join(SUFFIXES)
        bundle.findings.append(_unreadable(path, what))


def _is_regular(file: str) -> bool:
    try:
        return stat.S_ISREG(Path(file).stat().st_mode)
    except OSError:  # a link that leads nowhere
        return False


def _read_file(path: str, given: str, bundle: Bundle) -> None:
    file = "<stdin>" if path == STDIN else path
    bundle.files.append((file, given))
    try:
        data = _bytes(path)
    except OSError as error:
        bundle.findings.append(_unreadable(file, error.strerror or str(error)))
        return
    if len(data) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES >> 20} MiB"
        bundle.findings.append(Diagnostic(code="CF109", level="error", file=file, what=what))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bundle.findings.append(_unreadable(file, f"byte {error.start} is not UTF-8"))
        return
    del data
    _read_text(text, file, bundle)


def _bytes(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with open(path, "rb") as opened:  # noqa: PTH123 (a Path would turn "" into ".")
        return opened.read(MAX_BYTES + 1)


def _unreadable(file: str, what: str) -> Diagnostic:
    return Diagnostic(code="CF110", level="error", file=file, what=what)


def _read_text(text: str, file: str, bundle: Bundle) -> None:
    template = "{{" in text
    before = (len(bundle.manifests), len(bundle.texts), bundle.kept)
    for read in read_documents(text, file):
        if isinstance(read, Diagnostic):
            if template and (read.code == "CF101" or read.what == NO_KEY):
                # Braces that no YAML parser takes: what Helm and others make manifests of.
                del bundle.manifests[before[0] :], bundle.texts[before[1] :]
                bundle.kept = before[2]
                bundle.skip(Skip(file=file, reason=TEMPLATE))
                return
            bundle.findings.append(read)
            continue
        if read.root.value is None:
            continue
        if bundle.kept > MAX_KEPT:
            bundle.findings.append(_too_many(file))
            bundle.full = True
            return
        kept = False
        for found in manifests_of(read.root, file):
            if isinstance(found, Skip):
                bundle.skip(found)
                continue
            kept = True
            bundle.manifests.append(found)
            if found.kind in OURS:
                _keep_text(bundle, found, read.piece(text, found.root))
        bundle.kept += read.size if kept else 0
    room = MAX_IGNORES - len(bundle.ignores)
    bundle.ignores.extend(islice(ignores_of(text, file), max(room, 0)))


def _keep_text(bundle: Bundle, manifest: Manifest, piece: Piece) -> None:
    bundle.texts.append((manifest, piece))
    if len(bundle.texts) <= MAX_OURS:
        return
    del bundle.texts[MAX_OURS:]
    what = f"this object of Colorfast, and those after it, are more than the {MAX_OURS} loaded"
    known = any(one.what == what for one in bundle.findings)
    if not known:
        line, column = manifest.root.at
        bundle.findings.append(
            Diagnostic(
                code="CF109", level="error", file=manifest.file, line=line, column=column, what=what
            )
        )


TEMPLATE: Final = "a template, not YAML yet: render it first, as with helm template"
PATCH: Final = "a patch of a kustomization, not a whole object: lint what kubectl kustomize makes"


def _too_many(file: str) -> Diagnostic:
    return Diagnostic(
        code="CF109",
        level="error",
        file=file,
        what=f"this file and those after it are more than the {MAX_KEPT:,} values looked at once",
        fix="lint fewer files at a time",
    )


def _skip_patches(bundle: Bundle) -> None:
    patches: set[str] = set()
    for one in bundle.manifests:
        if one.kind is Kind.KUSTOMIZATION:
            folder = os.path.dirname(one.file)  # noqa: PTH120
            patches.update(os.path.normpath(os.path.join(folder, name)) for name in _patches(one))  # noqa: PTH118
    kept = []
    for one in bundle.manifests:
        if one.kind is Kind.KUSTOMIZATION:
            continue
        if os.path.normpath(one.file) in patches:
            bundle.skip(Skip(file=one.file, line=one.root.at[0], reason=PATCH))
        else:
            kept.append(one)
    bundle.manifests = kept


def _patches(kustomization: Manifest) -> Iterator[str]:
    root = kustomization.root
    for node in (*root["patches"].items, *root["patchesJson6902"].items):
        if node["path"].text:
            yield node["path"].text
    for node in root["patchesStrategicMerge"].items:
        if node.text and "\n" not in node.text:
            yield node.text
