"""What a LaneRelease may say."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.pages import blocks, page, spans, table

from colorfast.policy import ColorfastError, InvalidInput
from colorfast.release import PATTERNS, STYLES_OF, Controller, load_release
from helpers import releases
from helpers.releases import CHAIN, DIAMOND

MESH = releases.mesh_text({"a": "b", "b": ""}, "ab", locked=True)
POLICY = releases.text("LanePolicy", "shop", {"lanes": ["base", "canary"]})
HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LaneRelease\nmetadata: {name: r}\n"
LINES = {
    "policy": "policy.yaml",
    "mesh": "mesh.yaml",
    "controller": "istio",
    "pattern": "locked",
    "lane": "canary",
    "split": "{by: [sourceIp]}",
    "services": "{a: {from: v1, to: v2, image: a}, b: {from: v1, to: v2, image: b}}",
    "steps": "[{weight: 100}]",
}
"""The lines of a sound ``spec``: line 5 is ``policy``, line 12 ``steps``."""


def diagnosed(
    files: dict[str, str] | None = None, /, **changes: str | None
) -> list[tuple[str, str]]:
    """Codes and places of what is wrong with a file whose lines are changed; None drops one."""
    lines = {**LINES, **changes}
    spec = "".join(f"  {key}: {value}\n" for key, value in lines.items() if value is not None)
    given = {"mesh.yaml": MESH, "policy.yaml": POLICY} | (files or {})
    try:
        releases.load(HEAD + "spec:\n" + spec, given)
    except InvalidInput as error:
        return [(one.code, f"{one.line}:{one.column}") for one in error.diagnostics]
    return []


def services(**given: str) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in given.items()) + "}"


A, B = "{from: v1, to: v2, image: a}", "{from: v1, to: v2, image: b}"

BROKEN: list[tuple[str, dict[str, str | None], str]] = [
    ("CF105", {"policy": None}, "5:3"),
    ("CF104", {"services": services(a=A[:-1] + ", tag: x}", b=B)}, "11:46"),
    ("CF106", {"steps": "[{weight: 100, pause: 10m}, 7]"}, "12:38"),
    ("CF107", {"controller": "spinnaker"}, "7:15"),
    ("CF107", {"pattern": "blue"}, "8:12"),
    ("CF107", {"services": services(a=A[:-1] + ", replicas: 0}", b=B)}, "11:56"),
    ("CF107", {"services": services(a="{from: v1, to: v2, image: a:v2}", b=B)}, "11:43"),
    ("CF202", {"lane": "Canary"}, "9:9"),
    ("CF801", {"services": services(a=A, b=B, z=B)}, "11:80"),
    ("CF801", {"drops": "[z]"}, "13:11"),
    ("CF802", {"services": services(a=A, b="{from: v1, to: v3, image: b}")}, "11:47"),
    ("CF802", {"services": services(a=A, b="{from: v1, to: v1, image: b}")}, "11:47"),
    ("CF802", {"services": services(a=A)}, "9:3"),
    ("CF803", {"lane": "base"}, "9:9"),
    ("CF804", {"lane": None}, "5:3"),
    ("CF804", {"split": None}, "5:3"),
    ("CF805", {"share": "weights"}, "10:3"),
    ("CF806", {"style": "labels"}, "13:10"),
    ("CF807", {"steps": "[{weight: 5}, {weight: 5}, {weight: 100}]"}, "12:33"),
    ("CF807", {"steps": "[{weight: 50}]"}, "12:20"),
    ("CF807", {"steps": "[{weight: 0.001}, {weight: 100}]"}, "12:20"),
    ("CF807", {"steps": "[{weight: ten}, {weight: 100}]"}, "12:20"),
    ("CF808", {"steps": "[{weight: 100, pause: soon}]"}, "12:32"),
    (
        "CF809",
        {
            "analysis": "{prometheus: 'http://p', metrics: [{name: m, query: up, condition: high}]}",
        },
        "13:80",
    ),
]


@pytest.mark.parametrize(("code", "changes", "place"), BROKEN)
def test_each_mistake_has_its_code_and_its_place(
    code: str, changes: dict[str, str | None], place: str
) -> None:
    assert diagnosed(**changes) == [(code, place)]


def test_the_sound_file_is_sound() -> None:
    assert diagnosed() == []


def test_a_single_release_has_one_service() -> None:
    assert diagnosed(pattern="single", lane=None, split=None) == [("CF810", "9:3")]


@pytest.mark.parametrize("key", ["lane: canary", "style: version", "share: dye", "drops: [a]"])
def test_patterns_without_a_lane_have_no_keys_of_it(key: str) -> None:
    name, _, value = key.partition(": ")
    changes: dict[str, str | None] = {"pattern": "ordered", "lane": None, "split": None}
    found = diagnosed(**changes | {name: value})
    assert [code for code, _ in found] == ["CF805"]


def test_a_rule_that_matches_everything_leaves_no_request_for_the_release() -> None:
    def policy(**more: Any) -> dict[str, str]:
        rules = [{"name": "all", "lane": "base"} | more]
        spec = {"lanes": ["base", "canary"], "rules": rules}
        return {"policy.yaml": releases.text("LanePolicy", "shop", spec)}

    assert diagnosed(policy()) == [("CF811", "5:11")]
    assert diagnosed(policy(), split=None, share="weights") == []
    assert diagnosed(policy(enabled=False)) == []
    assert diagnosed(policy(match=[{"path": {"exact": "/"}}])) == []


SOME = [{"path": {"exact": "/"}}]
TAKEN: list[dict[str, Any]] = [
    {"lanes": ["base", "blue", "canary"], "default": "canary"},
    {"edge": {"client": "accept", "accept": ["canary"]}},
    {"parents": {"canary": "blue"}, "lanes": ["base", "blue", "canary"]},
    {"rules": [{"name": "all", "match": SOME, "lane": "canary"}]},
    {"rules": [{"name": "release-r", "match": SOME, "lane": "base"}]},
    {
        "rules": [
            {
                "name": "s",
                "match": SOME,
                "split": {"by": ["sourceIp"], "weights": {"canary": 1, "base": 9999}},
            }
        ]
    },
]


@pytest.mark.parametrize("spec", TAKEN)
def test_the_lane_belongs_to_the_release_alone(spec: dict[str, Any]) -> None:
    policy = releases.text("LanePolicy", "shop", {"lanes": ["base", "canary"]} | spec)
    assert diagnosed({"policy.yaml": policy}) == [("CF803", "9:9")]


def test_a_parked_rule_may_name_the_lane() -> None:
    rule = {"name": "all", "lane": "canary", "enabled": False}
    policy = releases.text("LanePolicy", "shop", {"lanes": ["base", "canary"], "rules": [rule]})
    assert diagnosed({"policy.yaml": policy}) == []


def test_what_is_wrong_in_the_files_beside_it_is_told_with_their_places() -> None:
    found = diagnosed({"policy.yaml": POLICY.replace("lanes", "lane"), "mesh.yaml": MESH + "x: 1"})
    assert [code for code, _ in found] == ["CF104", "CF105", "CF104"]


def test_policy_and_mesh_must_fit() -> None:
    policy = releases.text("LanePolicy", "shop", {"lanes": ["base"], "baseline": "base"})
    assert {code for code, _ in diagnosed({"policy.yaml": policy})} == {"CF224", "CF803"}


def test_a_file_beside_it_that_cannot_be_read_is_told_where_it_is_named() -> None:
    def read(name: str) -> str:
        raise ColorfastError("CF110", f"{name}: no such file")

    with pytest.raises(InvalidInput) as caught:
        load_release(releases.release_text("ab"), read=read, file="r.yaml")
    assert [one.code for one in caught.value.diagnostics] == ["CF110", "CF110"]
    assert all(one.line for one in caught.value.diagnostics)


def test_every_finding_is_told_and_not_only_the_first() -> None:
    assert len(diagnosed(lane="base", steps="[{weight: 5}]", style="labels", drops="[z]")) == 4


def test_releases_have_defaults() -> None:
    release = releases.release(CHAIN)
    assert (release.style, release.share, release.finish) == ("version", "dye", "last")
    assert release.sticky is not None
    assert release.sticky.salt == release.name
    assert [stage.weight for stage in release.stages] == [500, 2500, 10_000]
    assert release.changes[0].label == "version"


def test_the_versions_label_is_the_one_that_has_them() -> None:
    lanes = {"base": {"track": "stable", "rev": "v1"}, "canary": {"track": "canary", "rev": "v2"}}
    mesh = yaml.safe_load(MESH)
    mesh["spec"]["services"]["a"]["lanes"] = lanes
    files = {"mesh.yaml": yaml.safe_dump(mesh), "policy.yaml": POLICY}
    release = releases.load(releases.release_text("ab"), files).release
    assert [change.label for change in release.changes] == ["rev", "version"]


def test_callees_come_before_callers_and_entrances_last() -> None:
    assert [one.name for one in releases.release(DIAMOND).order] == ["d", "b", "c", "a"]
    calls = {"a": "", "b": "c", "c": ""}
    release = releases.release(calls, mesh={"entrances": "ab"})
    assert [one.name for one in release.order] == ["c", "a", "b"]
    assert release.entrances == ("a", "b")


@pytest.mark.parametrize("controller", STYLES_OF)
def test_a_controller_can_be_given_in_place_of_the_files(controller: Controller) -> None:
    files = {"mesh.yaml": MESH, "policy.yaml": POLICY}
    release = releases.load(releases.release_text("ab"), files, controller=controller).release
    assert release.controller == controller
    assert release.style == STYLES_OF[controller][0]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_analysis_is_read(pattern: str) -> None:
    metric = {"name": "ok", "query": "up", "condition": ">= 0.99", "failureLimit": 3}
    analysis = {"interval": "30s", "prometheus": "http://prometheus:9090", "metrics": [metric]}
    found = releases.release(CHAIN, "c", pattern=pattern, analysis=analysis).analysis
    assert found is not None
    assert found.interval == 30
    assert (found.metrics[0].operator, found.metrics[0].threshold) == (">=", "0.99")


def test_an_image_may_have_a_registry_with_a_port() -> None:
    given = services(a="{from: v1, to: v2, image: registry.example.com:5000/shop/a}", b=B)
    assert diagnosed(services=given) == []


# What the pages and the examples say.

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    path for path in ROOT.glob("examples/release/*.yaml") if "kind: LaneRelease" in path.read_text()
)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_load(path: Path) -> None:
    loaded = load_release(
        path.read_text(), read=lambda name: (path.parent / name).read_text(), file=str(path)
    )
    assert loaded.diagnostics == ()


def test_the_release_of_the_page_loads() -> None:
    [block] = [one for one in blocks(page("release.md")) if one.words == ["yaml", "release"]]
    files = {path.name: path.read_text() for path in ROOT.glob("examples/release/*.yaml")}
    assert releases.load(block.text, files).release.analysis is not None


def test_the_table_of_styles_is_that_of_the_controllers() -> None:
    rows = table(page("release.md"), "style", "lane routes", "who has it")
    said = {spans(row[0])[0]: row[2] for row in rows}
    titles = {"argo-rollouts": "Argo Rollouts", "kruise": "OpenKruise", "flagger": "Flagger"}
    for style, who in said.items():
        having = [one for one, styles in STYLES_OF.items() if style in styles]
        wanted = (
            "all" if len(having) == len(STYLES_OF) else ", ".join(titles[one] for one in having)
        )
        assert who == wanted
