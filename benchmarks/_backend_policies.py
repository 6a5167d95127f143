"""Policies of as many exact-match rules as wanted."""

from typing import Any

import yaml


def policy_text(rules: int, *, name: str = "") -> str:
    """So many exact values of one header, and the last one is that of the requests.

    The others give other lanes, so that a wrong rule shows.
    """
    entries = [_rule(number, last=number == rules) for number in range(1, rules + 1)]
    document = {
        "apiVersion": "colorfast.dev/v1alpha1",
        "kind": "LanePolicy",
        "metadata": {"name": name or f"rules-{rules}"},
        "spec": {"lanes": ["base", "beta", "canary"], "rules": entries},
    }
    return yaml.safe_dump(document, sort_keys=False)


def _rule(number: int, *, last: bool) -> dict[str, Any]:
    value = "pc" if last else f"pc-{number:04}"
    lane = "canary" if last else ("base", "beta")[number % 2]
    return {
        "name": f"r{number}",
        "match": [{"headers": {"agent": {"exact": value}}}],
        "lane": lane,
    }
