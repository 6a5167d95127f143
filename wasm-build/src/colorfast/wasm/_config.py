"""A policy as the plugin's configuration: the IR in JSON, and each regex as a table."""

import json
from base64 import b64encode
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final, Literal, TypeAlias

from colorfast.policy import (
    Attribute,
    Condition,
    Dfa,
    DfaError,
    Diagnostic,
    Edge,
    InvalidInput,
    Kind,
    Policy,
    Rule,
    Split,
    compile_dfa,
)
from colorfast.wasm._errors import hard_regex

Station: TypeAlias = Literal["dye", "carry"]
"""``dye`` at an entrance, ``carry`` at a hop."""

VERSION: Final = 1
"""Of the format; a plugin refuses any other."""

_NO_LIMIT: Final = 2**53 - 1  # beyond it a JSON number is no longer exact

_Json: TypeAlias = dict[str, Any]


def plugin_config(
    policy: Policy, station: Station, *, metadata: bool = False, fallback: bool = False
) -> str:
    """The configuration that makes the plugin do *station* of *policy*: one JSON object.

    With *metadata* Envoy's filter state says what was decided: ``wasm.colorfast.lane``,
    ``wasm.colorfast.rule``, ``wasm.colorfast.policy``. With *fallback* the plugin leaves alone what
    the service has decided already, which dynamic metadata ``colorfast`` says.

    Raises InvalidInput (CF411) with every regex that no table decides.
    """
    config = {
        "version": VERSION,
        "policy": policy.digest,
        "station": station,
        "metadata": metadata,
        "fallback": fallback,
        "header": policy.header,
        "member": policy.member.key,
        "lanes": policy.lanes.patterns,
    }
    if station == "dye":
        regexes = _Regexes(policy.file)
        config |= {
            "edge": _edge(policy.edge),
            "default": policy.default,
            "rules": [_rule(rule, regexes) for rule in policy.active_rules],
        }
        if regexes.diagnostics:
            raise InvalidInput(tuple(regexes.diagnostics))
        config["regexes"] = regexes.tables
    return json.dumps(config, ensure_ascii=False, separators=(",", ":"))


class _Regexes:
    """Tables of the patterns met so far, each once."""

    def __init__(self, file: str) -> None:
        self.tables: list[_Json] = []
        self.diagnostics: list[Diagnostic] = []
        self._file = file
        self._numbers: dict[tuple[str, bool], int] = {}

    def number(self, rule: Rule, condition: Condition) -> int:
        key = condition.values[0], condition.ignore_case
        if key not in self._numbers:
            self._numbers[key] = len(self.tables)
            self.tables.append(self._table(rule, *key))
        return self._numbers[key]

    def _table(self, rule: Rule, pattern: str, ignore_case: bool) -> _Json:
        try:
            return _table(compile_dfa(pattern, ignore_case=ignore_case))
        except DfaError as error:
            self.diagnostics.append(hard_regex(self._file, rule, pattern, error.what))
            return {}


def _table(dfa: Dfa) -> _Json:
    width = 1 if dfa.states <= 1 << 8 else 2
    entries = b"".join(entry.to_bytes(width, "little") for entry in dfa.table)
    return {
        "classes": _base64(dfa.classes),
        "width": dfa.width,
        "table": _base64(entries),
        "accepting": _base64(bytes(state in dfa.accepting for state in range(dfa.states))),
        "dead": dfa.dead,
    }


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _edge(edge: Edge) -> _Json:
    return {
        "accept": edge.accept.patterns,
        "keep": edge.keep_baggage,
        "maxMembers": min(edge.max_members, _NO_LIMIT),
        "maxBytes": None if edge.max_bytes is None else min(edge.max_bytes, _NO_LIMIT),
    }


def _rule(rule: Rule, regexes: _Regexes) -> _Json:
    config: _Json = {"name": rule.name}
    if rule.entries:
        config["match"] = [
            [dict(_condition(rule, condition, regexes)) for condition in entry]
            for entry in rule.entries
        ]
    if isinstance(rule.gives, Split):
        return config | {"split": _split(rule.gives)}
    return config | {"lane": rule.gives}


def _split(split: Split) -> _Json:
    return {
        "by": [dict(_attribute(attribute)) for attribute in split.by],
        "salt": split.salt,
        "shares": [
            {"lane": share.lane, "weight": share.end - share.start} for share in split.shares
        ],
        "otherwise": split.otherwise,
    }


def _attribute(attribute: Attribute) -> Iterator[tuple[str, str]]:
    yield "source", attribute.source
    if attribute.name:
        yield "name", attribute.name


def _condition(rule: Rule, condition: Condition, regexes: _Regexes) -> Iterator[tuple[str, Any]]:
    yield from _attribute(condition.attribute)
    yield "kind", condition.kind
    match condition.kind:
        case Kind.REGEX:
            yield "regex", regexes.number(rule, condition)
        case Kind.CIDR:
            yield "values", [str(ip_network(block, strict=False)) for block in condition.values]
        case Kind.PRESENT:
            pass
        case _:
            yield "values", condition.values
    if condition.ignore_case and condition.kind is not Kind.REGEX:
        yield "ignoreCase", True
    if condition.negate:
        yield "not", True
