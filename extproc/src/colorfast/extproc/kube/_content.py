"""An object of a cluster as the text of a policy.

What others write about it (status, labels, who manages what) is not in it, so none of that is a
change. An API server keeps no order of keys; where the order means something, it is made up here.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from colorfast.policy import order_in_objects

Json: TypeAlias = dict[str, Any]

_BASELINE: Final = "base"


def content_of(thing: Mapping[str, Any]) -> bytes:
    """The text that is judged: the same for the same policy, whatever else has changed."""
    metadata = thing["metadata"]
    text = {
        "apiVersion": thing.get("apiVersion"),
        "kind": thing.get("kind"),
        "metadata": {key: metadata[key] for key in ("name", "namespace") if key in metadata},
        "spec": _ordered(thing.get("spec")),
    }
    return json.dumps(text, ensure_ascii=False, indent=1).encode()


def _ordered(spec: Any) -> Any:
    """*spec* with all keys by name, except that a split's weights end with the baseline's."""
    ordered = json.loads(json.dumps(spec, sort_keys=True))
    if not isinstance(ordered, dict):
        return ordered
    baseline = ordered.get("baseline", _BASELINE)
    rules = ordered.get("rules")
    for rule in rules if isinstance(rules, list) else ():
        split = rule.get("split") if isinstance(rule, dict) else None
        weights = split.get("weights") if isinstance(split, dict) else None
        if isinstance(split, dict) and isinstance(weights, dict):
            split["weights"] = {lane: weights[lane] for lane in order_in_objects(weights, baseline)}
    return ordered
