"""Higress' traffic-tag as its source has it: what the importer's policies are compared with."""

import hashlib
import re
from typing import Any

from colorfast.policy import Request

Config = dict[str, Any]


def tag(config: Config, request: Request) -> str | None:
    """The value that the plugin writes, without weight groups."""
    for group in config.get("conditionGroups", ()):
        if group_matches(group, request):
            return str(group["headerValue"])
    return str(config["defaultTagVal"]) if "defaultTagVal" in config else None


def group_matches(group: Config, request: Request) -> bool:
    conditions = group["conditions"]
    if group["logic"].lower() == "and":
        return bool(conditions) and all(condition_holds(one, request) for one in conditions)
    return any(condition_holds(one, request) for one in conditions)


def condition_holds(condition: Config, request: Request) -> bool:
    """A key that is not there makes every operator false."""
    key = condition["key"]
    match condition["conditionType"]:
        case "header":
            value = request.headers.get(key.lower())
        case "cookie":
            value = request.cookies.get(key.encode())
        case _:
            value = request.query.get(key.encode())
    return value is not None and compares(condition, value.decode())


def compares(condition: Config, value: str) -> bool:
    given = [str(one) for one in condition["value"]]
    match condition["operator"]:
        case "equal":
            return value == given[0]
        case "not_equal":
            return value != given[0]
        case "prefix":
            return value.startswith(given[0])
        case "in":
            return value in given
        case "not_in":
            return value not in given
        case "regex":
            return re.search(given[0], value) is not None
        case "percentage":
            return percentage(value) < int(given[0])
        case operator:
            raise ValueError(operator)


def percentage(value: str) -> int:
    return int.from_bytes(hashlib.sha256(value.encode()).digest()[:8], "big") % 100
