"""What comes of a file of another system: our documents, and a report of what is not in them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from colorfast.k8s._findings import in_order
from colorfast.k8s.importers._codes import ASSUMED, CODES, DIFFERS, LOST, REFUSED
from colorfast.k8s.importers._dump import Json, dump
from colorfast.k8s.manifests import Node, read_documents
from colorfast.policy import Diagnostic, InvalidInput, load_mesh, load_policy

MAX_BYTES: Final = 1 << 20


@dataclass(slots=True)
class Report:
    """What an importer notes on its way. *file* is what findings call the source."""

    file: str
    findings: list[Diagnostic] = field(default_factory=list)

    def lost(self, node: Node, what: str, *, why: str = "", fix: str = "") -> None:
        """Something that is not in the result."""
        self._note(LOST, node, what, why, fix)

    def differs(self, node: Node, what: str, *, why: str = "", fix: str = "") -> None:
        """Something that is in the result, and not the same."""
        self._note(DIFFERS, node, what, why, fix)

    def assumed(self, node: Node, what: str, *, why: str = "", fix: str = "") -> None:
        """Something that the source does not say."""
        self._note(ASSUMED, node, what, why, fix)

    def refuse(self, node: Node | None, what: str, *, why: str = "", fix: str = "") -> None:
        """Something without which there is no result."""
        self._note(REFUSED, node, what, why, fix)

    def _note(self, code: str, node: Node | None, what: str, why: str, fix: str) -> None:
        line, column = node.key_at if node is not None else (0, 0)
        self.findings.append(
            Diagnostic(
                code=code,
                level=CODES[code][0],
                file=self.file,
                line=line,
                column=column,
                what=what,
                why=why,
                fix=fix,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """*documents* are LanePolicies and LaneMeshes that load; none when something is refused."""

    documents: tuple[Json, ...]
    findings: tuple[Diagnostic, ...]

    @property
    def refused(self) -> bool:
        """Whether there is no result."""
        return any(one.level == "error" for one in self.findings)

    @property
    def lossy(self) -> bool:
        """Whether something of the source is not in the result."""
        return any(one.code == LOST for one in self.findings)


Importer: TypeAlias = Callable[[list[Node], Report], Iterable[Json]]


def import_text(importer: Importer, text: str, *, file: str) -> Imported:
    """Run *importer* over *text*. Never raises: what is wrong is a finding."""
    report = Report(file)
    if len(text) > MAX_BYTES:
        report.refuse(None, f"the file is larger than {MAX_BYTES:,} characters")
        return Imported(documents=(), findings=tuple(report.findings))
    roots = list[Node]()
    for read in read_documents(text, file):
        if isinstance(read, Diagnostic):
            report.findings.append(read)
        elif read.root.value is not None:
            roots.extend(_flat(read.root))
    documents = () if _broken(report) else tuple(importer(roots, report))
    if not documents and not _broken(report):
        report.refuse(None, "there is nothing in the file that this importer reads")
    for one in documents:
        _check(one, report)
    return Imported(
        documents=() if _broken(report) else documents, findings=in_order(report.findings)
    )


def _flat(root: Node) -> Iterable[Node]:
    return root["items"].items if root["kind"].text.endswith("List") else [root]


def _broken(report: Report) -> bool:
    return any(one.level == "error" for one in report.findings)


def _check(document: Json, report: Report) -> None:
    """What is written must load: what our loader refuses cannot be imported."""
    text = dump([document])
    try:
        if document["kind"] == "LanePolicy":
            load_policy(text)
        else:
            load_mesh(text)
    except InvalidInput as error:
        for one in error.diagnostics:
            if one.level == "error":
                what = f"the {document['kind']} would be refused, {one.code}: {one.what}"
                report.refuse(None, what, why=one.why, fix=one.fix)
