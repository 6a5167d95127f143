"""Every code of a policy file, triggered; with its position, since that is what one clicks on."""

from pathlib import Path

import pytest

from colorfast.policy import CODES, InvalidInput, load_policy
from helpers.policies import codes, file

BROKEN: list[tuple[str, str, str]] = [
    # code, text, the place where it must be reported
    ("CF101", "a: [", "2:1"),
    ("CF101", "", "1:1"),
    ("CF101", "a: 1\n---\nb: 2\n", "2:1"),
    ("CF101", "a: \x01\n", ""),
    ("CF102", file("default: base\ndefault: base"), "7:3"),
    ("CF102", file("rules: [{name: r, match: [{headers: {A: {exact: x}, a: {exact: y}}}], lane: base}]"), "6:55"),
    ("CF103", file("edge: {baggage: {keep: yes}}"), "6:26"),
    ("CF103", file("rules: [{name: r, match: [{cookies: {c: {exact: on}}}], lane: base}]"), "6:51"),
    ("CF104", file("defualt: base"), "6:3"),
    ("CF104", file("rules: [{name: r, lane: base, matches: []}]"), "6:33"),
    ("CF105", file("rules: [{lane: base}]"), "6:11"),
    ("CF105", "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nspec: {lanes: [base]}\n", "1:1"),
    ("CF105", "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: a}\n", "1:1"),
    ("CF106", file("rules: [{name: r, match: [{headers: {a: {exact: 2}}}], lane: base}]"), "6:51"),
    ("CF106", file("rules: {name: r}"), "6:10"),
    ("CF106", "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: a}\nspec: []\n", "4:7"),
    ("CF107", file("edge: {client: maybe}"), "6:18"),
    ("CF107", file("edge: {baggage: {maxMembers: -1}}"), "6:32"),
    ("CF107", file("rules: [{name: r, match: [{query: {v: {in: []}}}], lane: base}]"), "6:42"),
    ("CF107", file("rules: [{name: r, split: {by: [{cookie: a, header: b}], weights: {base: 10000}}}]"), "6:34"),
    ("CF107", file("rules: [{name: ' r', lane: base}]"), "6:18"),
    ("CF108", file().replace("v1alpha1", "v9"), "1:13"),
    ("CF108", file().replace("LanePolicy", "Lane"), "2:7"),
    ("CF109", file("default: !lane base"), "6:12"),
    ("CF109", file("? [a]\n: b"), "5:3"),
    ("CF109", file("rules: &r\n- *r"), ""),
    ("CF201", file("default: other"), "6:12"),
    ("CF201", file("baseline: other"), "6:13"),
    ("CF201", file("parents: {other: canary}"), "6:13"),
    ("CF201", file("parents: {canary: other}"), "6:21"),
    ("CF201", file("edge: {client: accept, accept: ['x-*']}"), "6:35"),
    ("CF201", file("rules: [{name: r, lane: other}]"), "6:27"),
    ("CF201", file("rules: [{name: r, split: {by: [sourceIp], weights: {base: 9999, x: 1}}}]"), "6:67"),
    ("CF201", file("rules: [{name: r, split: {by: [sourceIp], weights: {base: 10000}, otherwise: x}}]"), "6:80"),
    ("CF202", file("default: Canary"), "6:12"),
    ("CF202", file("lanes: [base, a b]"), "5:17"),
    ("CF203", file("parents: {canary: base, base: canary}"), "6:13"),
    ("CF203", file("parents: {canary: canary}"), "6:13"),
    ("CF204", file("rules: [{name: r, split: {by: [sourceIp], weights: {base: 9999}}}]"), "6:54"),
    ("CF205", file("rules: [{name: r, match: [{path: {regex: 'a(?=b)'}}], lane: base}]"), "6:44"),
    ("CF206", file("rules: [{name: r, match: [{headers: {X-Lane: {exact: a}}}], lane: base}]"), "6:40"),
    ("CF206", file("rules: [{name: r, match: [{headers: {baggage: {exact: a}}}], lane: base}]"), "6:40"),
    ("CF206", file("rules: [{name: r, split: {by: [{header: x-lane}], weights: {base: 10000}}}]"), "6:35"),
    ("CF207", file("rules: [{name: r, lane: base, enabled: false}, {name: r, lane: base}]"), "6:57"),
    ("CF208", file("rules: [{name: r, match: [{path: {exact: /a, prefix: /b}}], lane: base}]"), "6:36"),
    ("CF208", file("rules: [{name: r, match: [{path: {ignoreCase: true}}], lane: base}]"), "6:36"),
    ("CF209", file("rules: [{name: r}]"), "6:11"),
    ("CF209", file("rules: [{name: r, lane: base, split: {by: [sourceIp], weights: {base: 10000}}}]"), "6:11"),
    ("CF210", file("rules: [{name: r, match: [], lane: base}]"), "6:11"),
    ("CF210", file("rules: [{name: r, match: [{}], lane: base}]"), "6:29"),
    ("CF211", file("rules: [{name: r, match: [{sourceIp: [10.0.0.0/99]}], lane: base}]"), "6:41"),
    ("CF212", file("rules: [{name: r, match: [{headers: {':path': {exact: /}}}], lane: base}]"), "6:40"),
    ("CF212", file("rules: [{name: r, match: [{headers: {Host: {exact: a}}}], lane: base}]"), "6:40"),
    ("CF213", file("header: Cookie"), "6:11"),
    ("CF213", file("header: x-envoy-lane"), "6:11"),
    ("CF213", file("header: a b"), "6:11"),
    ("CF213", file("member: ':lane'"), "6:11"),
    ("CF213", file(f"member: {'l' * 65}"), "6:11"),
    ("CF214", file("parents: {base: canary}"), "6:13"),
    ("CF301", file("rules: [{name: a, lane: base}, {name: b, lane: canary}]"), "6:41"),
    ("CF302", file("rules: [{name: a, match: [{path: {regex: '/api/.*'}}], lane: base}]"), "6:44"),
    ("CF303", file("edge: {accept: [canary]}"), "6:10"),
    ("CF304", file("edge: {client: accept}"), "6:18"),
    ("CF305", file("rules: [{name: a, match: [{host: {exact: A.com}}], lane: base}]"), "6:30"),
    ("CF305", file("rules: [{name: a, match: [{host: {suffix: '.com:80'}}], lane: base}]"), "6:30"),
    ("CF305", file("rules: [{name: a, match: [{method: {in: [get]}}], lane: base}]"), "6:30"),
    ("CF305", file("rules: [{name: a, match: [{path: {prefix: api}}], lane: base}]"), "6:30"),
    ("CF305", file("rules: [{name: a, match: [{path: {exact: '/?a'}}], lane: base}]"), "6:30"),
    ("CF306", file("rules: [{name: a, match: [{path: {present: true, ignoreCase: true}}], lane: base}]"), "6:52"),
    ("CF306", file("rules: [{name: a, match: [{path: {prefix: ''}}], lane: base}]"), "6:45"),
    ("CF306", file("rules: [{name: a, match: [{sourceIp: [10.1.0.0/8]}], lane: base}]"), "6:41"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "position"), BROKEN)
def test_each_mistake_has_its_code_and_its_place(code: str, text: str, position: str) -> None:
    try:
        found = load_policy(text, file="p.yaml").diagnostics
    except InvalidInput as error:
        found = error.diagnostics
    places = [f"{d.line}:{d.column}" for d in found if d.code == code]
    assert places, [str(d) for d in found]
    assert not position or position in places
    assert {d.code for d in found} == {code}, "one mistake, one kind of report"
    assert {d.level for d in found} == {CODES[code][0]}


def test_every_code_of_a_policy_file_is_triggered_above() -> None:
    # A file that cannot be read is the command line's; what a mesh has is test_mesh's and test_reach's.
    elsewhere = {"CF110", "CF221", "CF222", "CF223", "CF224"}
    assert {code for code, _, _ in BROKEN} == set(CODES) - elsewhere


def test_every_mistake_is_reported_at_once_and_in_order() -> None:
    text = file("""
        default: other
        lanes: [base]
        rules:
        - {name: a, lane: B}
        - {name: b, match: [{path: {exact: 1}}], lane: other}
        - {name: c, split: {by: [sourceIp], weights: {base: 1}}}
        - {nam: d, lane: base}
        """)
    assert codes(text) == ["CF201", "CF202", "CF106", "CF201", "CF204", "CF105", "CF104"]


def test_a_finding_reads_like_a_compiler_s() -> None:
    with pytest.raises(InvalidInput) as caught:
        load_policy(file("defualt: base"), file="p.yaml")
    assert str(caught.value) == (
        "p.yaml:6:3: error CF104: defualt is not a key of this place\n"
        "    fix: did you mean default?"
    )


def test_what_an_api_server_adds_is_passed_by() -> None:
    text = file("default: base").replace(
        "metadata: {name: shop}",
        """metadata:
  name: shop
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
  creationTimestamp: "2026-11-21T12:00:00Z"
  generation: 2
  managedFields: [{manager: kubectl, fieldsV1: {"f:spec": {}}}]
  resourceVersion: "77"
  uid: 00000000-0000-0000-0000-000000000000
status: {conditions: []}""",
    )
    assert "managedFields" in text
    assert load_policy(text).policy.digest == load_policy(file("default: base")).policy.digest
    with pytest.raises(InvalidInput, match="annotaions"):
        load_policy(text.replace("annotations", "annotaions"))


def test_findings_of_an_object_name_the_key() -> None:
    text = file("default: nowhere\nrules: [{name: r, lane: base, matches: []}]")
    with pytest.raises(InvalidInput) as caught:
        load_policy(text, file="k8s://a/b", by_path=True)
    assert [str(one).partition("\n")[0] for one in caught.value.diagnostics] == [
        "k8s://a/b: error CF201: spec.default: lane nowhere is not in lanes",
        "k8s://a/b: error CF104: spec.rules[0].matches: matches is not a key of this place",
    ]


def test_warnings_do_not_stop_a_policy() -> None:
    loaded = load_policy(file("edge: {accept: [canary]}"), file="p.yaml")
    assert [d.level for d in loaded.diagnostics] == ["warning"]


def test_the_documentation_has_an_entry_for_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "diagnostics.md").read_text()
    for code, (level, title) in CODES.items():
        assert f"### {code}: {title} ({level})" in page
