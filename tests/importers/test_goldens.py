"""What each system's examples become, and what is said about them: byte for byte."""

from collections.abc import Callable
from pathlib import Path

import pytest

from colorfast.k8s.importers import Imported, dump, import_text, importer
from colorfast.policy import check_fit, load_mesh, load_policy

CASES = sorted(Path(__file__).with_name("cases").glob("*.yaml"))
GOLDEN = Path(__file__).parents[1] / "golden" / "import"

Golden = Callable[[Path, str], None]


def imported(path: Path, **options: tuple[str, ...]) -> Imported:
    system = path.name.partition("-")[0]
    return import_text(importer(system, **options), path.read_text(), file=path.name)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_documents_and_reports_are_the_goldens(path: Path, golden: Golden) -> None:
    result = imported(path)
    golden(GOLDEN / f"{path.stem}.yaml", dump(result.documents))
    golden(GOLDEN / f"{path.stem}.txt", "".join(f"{one}\n" for one in result.findings))


def test_there_are_no_other_goldens(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    known = {GOLDEN / f"{path.stem}{suffix}" for path in CASES for suffix in (".yaml", ".txt")}
    no_orphans(GOLDEN, known)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_written_loads_without_a_finding(path: Path) -> None:
    result = imported(path)
    policies, meshes = [], []
    for one in result.documents:
        if one["kind"] == "LanePolicy":
            loaded = load_policy(dump([one]))
            assert loaded.diagnostics == ()
            policies.append(loaded.policy)
        else:
            meshes.append(load_mesh(dump([one])))
    assert policies
    for policy, mesh in zip(policies, meshes, strict=False):
        check_fit(policy, mesh)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_finding_has_its_place(path: Path) -> None:
    assert all(one.line and one.column for one in imported(path).findings)
