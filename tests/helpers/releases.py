"""Small releases for tests, read by the real loader."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from colorfast.release import Controller, Loaded, Release, load_release

Calls = Mapping[str, Iterable[str]]
"""Which service calls which."""

CHAIN: Calls = {"a": "b", "b": "c", "c": ""}
DIAMOND: Calls = {"a": "bc", "b": "d", "c": "d", "d": ""}
FAN_OUT: Calls = {"a": "bcd", "b": "", "c": "", "d": ""}
TWO_ENTRANCES: Calls = {"a": "c", "b": "cd", "c": "d", "d": ""}

API = "colorfast.dev/v1alpha1"


def text(kind: str, name: str, spec: Mapping[str, Any]) -> str:
    data = {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}
    return yaml.safe_dump(data, sort_keys=False)


def mesh_text(calls: Calls, released: Iterable[str], *, locked: bool, **spec: Any) -> str:
    entrances = tuple(spec.pop("entrances", ())) or (next(iter(calls)),)
    lanes = {"base": {"version": "v1"}} | ({"canary": {"version": "v2"}} if locked else {})
    released = tuple(released)
    return text(
        "LaneMesh",
        "shop",
        {
            "entry": entrances[0],
            "gateways": [
                {"name": f"gate-{one}", "hosts": [f"{one}.example.com"], "entry": one}
                for one in entrances
            ],
            "services": {
                name: {
                    "calls": list(called),
                    "lanes": lanes if name in released else {"base": {"version": "v1"}},
                }
                for name, called in calls.items()
            },
        }
        | spec,
    )


def release_text(released: Iterable[str], **spec: Any) -> str:
    locked: dict[str, Any] = {"lane": "canary", "split": {"by": [{"cookie": "uid"}]}}
    if spec.get("pattern", "locked") != "locked" or spec.get("share", "dye") != "dye":
        locked.pop("split")
    if spec.get("pattern", "locked") != "locked":
        locked.pop("lane")
    return text(
        "LaneRelease",
        "next",
        {"policy": "policy.yaml", "mesh": "mesh.yaml", "controller": "istio", "pattern": "locked"}
        | locked
        | {
            "services": {
                name: {"from": "v1", "to": "v2", "image": f"registry.example.com/{name}"}
                for name in released
            },
            "steps": [{"weight": 5}, {"weight": 25}, {"weight": 100}],
        }
        | spec,
    )


def release(
    calls: Calls = CHAIN,
    released: Iterable[str] | None = None,
    *,
    mesh: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Release:
    """A release of *released* services, all by default, in a mesh with *calls*.

    *mesh*, *policy* and *spec* are keys of the three files.
    """
    names = tuple(calls if released is None else released)
    locked = spec.get("pattern", "locked") == "locked"
    lanes: dict[str, Any] = {"lanes": ["base", "canary"]}
    files = {
        "mesh.yaml": mesh_text(calls, names, locked=locked, **(mesh or {})),
        "policy.yaml": text("LanePolicy", "shop", {**lanes, **(policy or {})}),
    }
    return load(release_text(names, **spec), files).release


def load(given: str, files: Mapping[str, str], *, controller: Controller | None = None) -> Loaded:
    return load_release(given, read=files.__getitem__, file="r.yaml", controller=controller)
