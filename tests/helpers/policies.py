"""Small policies for tests."""

import textwrap
from typing import Any

import yaml

from colorfast.policy import InvalidInput, Loaded, Policy, load_policy


def file(spec: str = "", *, name: str = "shop") -> str:
    """A LanePolicy file with *spec*, its lines at column 3."""
    body = textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ")
    if "lanes:" not in spec:
        body = "  lanes: [base, canary]\n" + body
    head = (
        f"apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {{name: {name}}}\nspec:\n"
    )
    return head + body + "\n"


def load(spec: str = "") -> Loaded:
    return load_policy(file(spec), file="p.yaml")


def policy(spec: str = "") -> Policy:
    return load(spec).policy


def from_data(spec: dict[str, Any], *, name: str = "shop") -> Policy:
    data = {
        "apiVersion": "colorfast.dev/v1alpha1",
        "kind": "LanePolicy",
        "metadata": {"name": name},
        "spec": spec,
    }
    return load_policy(yaml.safe_dump(data, sort_keys=False), file="p.yaml").policy


def codes(text: str) -> list[str]:
    """The codes that loading *text* finds, in the order of the file."""
    try:
        found = load_policy(text, file="p.yaml").diagnostics
    except InvalidInput as error:
        found = error.diagnostics
    return [diagnostic.code for diagnostic in found]
