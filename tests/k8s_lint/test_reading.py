"""What is read of files, folders and stdin, and what is skipped with which reason."""

from pathlib import Path

import pytest

from colorfast.k8s.lint import lint
from colorfast.k8s.manifests import (
    MAX_BYTES,
    MAX_NODES,
    PATCH,
    TEMPLATE,
    Document,
    Node,
    read_documents,
    read_manifests,
)
from colorfast.policy import Diagnostic

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\n"


def documents(text: str) -> list[Document]:
    return [one for one in read_documents(text, "f.yaml") if isinstance(one, Document)]


def problems(text: str) -> list[tuple[str, int, int]]:
    found = [one for one in read_documents(text, "f.yaml") if isinstance(one, Diagnostic)]
    return [(one.code, one.line, one.column) for one in found]


def root(text: str) -> Node:
    [document] = documents(text)
    return document.root


def test_every_value_has_its_place_and_that_of_its_key() -> None:
    node = root("a:\n  b: [1, {c: x}]\n")
    assert node["a"].at == (2, 3)
    assert node["a"].key_at == (1, 1)
    assert node["a"]["b"][1]["c"].at == (2, 14)
    assert node["a"]["b"][1]["c"].key_at == (2, 11)


def test_what_is_not_there_is_absent_at_the_place_of_what_should_hold_it() -> None:
    node = root("a:\n  b: 1\n")["a"]["c"][7]["d"]
    assert (node.present, node.value, node.text, node.items) == (False, None, "", [])
    assert node.at == (2, 3)


def test_json_has_places_too() -> None:
    assert root('{\n\t"a": {"b": "\\u00e9"}\n}')["a"]["b"].at == (2, 13)


def test_aliases_and_merge_keys_stand_for_what_they_name() -> None:
    node = root("a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{z: 1}, *a]}")
    assert node["b"].plain() == {"x": 1, "y": 2}
    assert node["b"].at == (2, 4)
    assert node["c"].plain() == {"y": 3, "x": 1}
    assert node["d"].plain() == {"z": 1, "x": 1, "y": 2}


def test_scalars_are_those_of_kubernetes() -> None:
    node = root("[yes, 'yes', off, 1, 1.5, '1', ~, 0x1, 1e3, !!str 7, null, 12345678901234567890]")
    assert node.plain() == [
        True, "yes", False, 1, 1.5, "1", None, "0x1", 1000.0, "7", None, "12345678901234567890",
    ]  # fmt: skip


def test_documents_behind_a_broken_one_are_read() -> None:
    text = "a: 1\n---\nb: [1\n---\nc: 3\n"
    assert [one.root.plain() for one in documents(text)] == [{"a": 1}, {"c": 3}]
    assert problems(text) == [("CF101", 4, 1)]
    assert documents(text)[1].root["c"].at == (5, 4)
    assert documents(text)[1].piece(text, documents(text)[1].root).in_place == "\n\n\n---\nc: 3\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", ("CF102", 3, 1)),
        ("? [a]\n: b\nc: d", ("CF109", 1, 3)),
        ("a: *b", ("CF101", 1, 4)),
        ("a: &a [*a]", ("CF101", 1, 8)),
        ("\n" + "[" * 300 + "]" * 300, ("CF109", 2, 1)),
        (
            "a: &a " + "[" * 150 + "]" * 150 + "\nb: " + "[" * 100 + "*a" + "]" * 100,
            ("CF109", 1, 1),
        ),
        ("a: \x00", ("CF101", 0, 0)),
    ],
)
def test_broken_yaml_has_a_code_and_a_place(text: str, expected: tuple[str, int, int]) -> None:
    assert problems(text) == [expected]


def test_a_key_that_is_no_text_takes_its_value_with_it() -> None:
    assert root("? [a]\n: b\nc: d").plain() == {"": "b", "c": "d"}


def test_aliases_count_as_often_as_they_are_used() -> None:
    levels = [f"{'abcdefgh'[n]}: &{'abcdefgh'[n]} [{','.join(['*' + 'abcdefgh'[n - 1]] * 9)}]"
              for n in range(1, 8)]  # fmt: skip
    text = "a: &a [x, x, x]\n" + "\n".join(levels)
    assert problems(text) == [("CF109", 1, 1)]
    assert problems(f"[{'1,' * MAX_NODES}]\n---\na: 1") == [("CF109", 1, 1)]
    assert documents(f"[{'1,' * MAX_NODES}]\n---\na: 1")[0].root.plain() == {"a": 1}


def test_folders_are_read_to_the_bottom_in_order(tmp_path: Path) -> None:
    for name in ("b/x.yml", "a.yaml", "b/c/y.json", ".git/z.yaml", "b/notes.txt", "b/.w.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SERVICE % path.stem.strip("."))
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    bundle = read_manifests([str(tmp_path), str(tmp_path / "a.yaml")])
    assert [one.name for one in bundle.manifests] == ["a", "x", "y"]
    assert bundle.findings == []


def test_lists_are_flattened(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    items = "items:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- {kind: Lost}\n"
    path.write_text(f"apiVersion: v1\nkind: ServiceList\n{items}")
    bundle = read_manifests([str(path)])
    assert [(one.name, one.root.at) for one in bundle.manifests] == [("a", (4, 3))]
    assert [(one.line, one.reason) for one in bundle.skips] == [
        (5, "no Kubernetes object: apiVersion or kind missing")
    ]


REASONS = {
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}": "no rule looks at ConfigMap (core)",
    "apiVersion: a.example.com/v1\nkind: Thing": "no rule looks at Thing (a.example.com)",
    "apiVersion: v1\nkind: Service": "an object without metadata.name",
    "- op: add\n  path: /a": "no Kubernetes object: apiVersion or kind missing",
    "replicas: 3": "no Kubernetes object: apiVersion or kind missing",
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}": TEMPLATE,
    "{{- if .Values.x }}\napiVersion: v1\n{{- end }}": TEMPLATE,
    "a: b\n{{ template }}: {a: b}\n{{- x": TEMPLATE,
}


@pytest.mark.parametrize("text", REASONS)
def test_what_is_not_looked_at_is_skipped_with_a_reason(text: str, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text)
    report = lint(read_manifests([str(path)]))
    assert report.findings == ()
    assert report.skipped == ((REASONS[text], 1),)


def test_braces_in_texts_make_no_template(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(SERVICE % "a" + 'spec: {note: "{{args.name}}"}\n')
    assert [one.name for one in read_manifests([str(path)]).manifests] == ["a"]


@pytest.mark.parametrize(
    "head",
    [
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
        "",
    ],
)
def test_patches_of_a_kustomization_are_no_objects(head: str, tmp_path: Path) -> None:
    kustomization = (
        f"{head}"
        "patches: [{path: patches/one.yaml}, {patch: inline}]\npatchesStrategicMerge: [two.yaml]\n"
        "resources: [three.yaml]\n"
    )
    (tmp_path / "kustomization.yaml").write_text(kustomization)
    (tmp_path / "patches").mkdir()
    for name in ("patches/one", "two", "three"):
        (tmp_path / f"{name}.yaml").write_text(SERVICE % name.rpartition("/")[2])
    bundle = read_manifests([str(tmp_path)])
    assert [one.name for one in bundle.manifests] == ["three"]
    assert bundle.skipped == {PATCH: 2}


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"a: \xff", "CF110"), (b"a: 1\n" + b"#" * MAX_BYTES, "CF109"), (None, "CF110")],
)
def test_files_that_cannot_be_read_are_findings(
    data: bytes | None, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "f.yaml"
    if data is not None:
        path.write_bytes(data)
    [finding] = read_manifests([str(path)]).findings
    assert (finding.code, finding.level) == (code, "error")


def test_a_folder_without_manifests_is_a_finding(tmp_path: Path) -> None:
    [finding] = read_manifests([str(tmp_path)]).findings
    assert finding.code == "CF110"


def test_policies_among_manifests_have_their_own_findings_in_their_own_lines(
    tmp_path: Path,
) -> None:
    path = tmp_path / "f.yaml"
    policy = "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: %s}\nspec:\n"
    path.write_text(
        SERVICE % "a" + "---\n" + policy % "p" + "  lanes: [base]\n  defualt: base\n---\n"
        + policy % "q" + "  lanes: [base]\n"
        "  edge: {accept: [base]}  # colorfast: ignore CF303\n"
    )  # fmt: skip
    report = lint(read_manifests([str(path)]))
    assert [(one.code, one.line, one.column) for one in report.findings] == [("CF104", 10, 3)]
    assert [(one.code, one.line) for one in report.suppressed] == [("CF303", 17)]
    assert [one.name for one in report.policies] == ["q"]


OURS = "apiVersion: colorfast.dev/v1alpha1"
TYPO = "defualt: base"


@pytest.mark.parametrize(
    "item",
    [
        f"- {OURS}\n  kind: LanePolicy\n  metadata: {{name: p}}\n  spec:\n    lanes: [base]\n    {TYPO}\n",
        f"- {{{OURS}, kind: LanePolicy,\n\n\n\n   metadata: {{name: p}}, spec: {{lanes: [base],\n    {TYPO}}}}}\n",
    ],
)
def test_policies_in_a_list_keep_their_places(item: str, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    rest = "- {apiVersion: v1, kind: Secret}\n"
    path.write_text(f"# a comment\napiVersion: v1\nkind: List\nitems:\n{rest}{item}{rest}")
    report = lint(read_manifests([str(path)]))
    assert [(one.code, one.line, one.column) for one in report.findings] == [("CF104", 11, 5)]


def test_a_mesh_that_does_not_fit_the_policy_is_found(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    mesh = f"{OURS}\nkind: LaneMesh\nmetadata: {{name: m}}\nspec:\n  entry: a\n  services:\n    a: {{lanes: [blue]}}\n"
    policy = f"{OURS}\nkind: LanePolicy\nmetadata: {{name: %s}}\nspec: {{lanes: [base]}}\n"
    path.write_text(f"{mesh}---\n{policy % 'p'}")
    found = {(one.code, one.line) for one in lint(read_manifests([str(path)])).findings}
    assert found == {("CF224", 7)}
    path.write_text(f"{mesh}---\n{policy % 'p'}---\n{policy % 'q'}")
    assert lint(read_manifests([str(path)])).findings == ()
