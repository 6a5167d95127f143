"""What backends are said not to do in an Envoy: the findings, and the vectors that show them.

Findings and vectors must agree both ways: where a finding is made, its vectors fail, and no vector
fails without a finding.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from colorfast.envoy import (
    Backend,
    EnvoyVersion,
    NativeOptions,
    Station,
    native_chain,
    version_findings,
)
from colorfast.policy import Policy, VectorFile

STATIONS: tuple[Station, ...] = ("dye", "carry")

REFUSALS = frozenset({"CF425", "CF427"})
"""Findings with which Envoy refuses the configuration as a whole."""

ELSEWHERE = frozenset({"CF421", "CF424", "CF429"})
"""Findings that no vector can show: there is no chain, the corpus is run with what is needed, and
nothing is known."""

LIMITS = {
    "CF422": frozenset({"baggage_sizes.yaml: one member of others of 8192 bytes"}),
    "CF423": frozenset({"cookies.yaml: a comma is part of the value, in one of several lines"}),
    "CF426": frozenset(
        f"regex_bytes.yaml: {vector}"
        for vector in (
            "a dot is one byte, and é has two",
            "two dots are é",
            "a negated class is one byte, and é has two",
            "a class with é is one byte of it",
            "what is no digit is one byte, and é has two",
            "a folded k is no Kelvin sign",
            "a folded s is no long s",
            "two dots are two bytes that are no UTF-8",
        )
    ),
    "CF428": frozenset(
        f"carry.yaml: {vector}"
        for vector in (
            "no member, several lines of the header are invalid and not touched",
            "one invalid member, several lines of the header, nothing is touched",
        )
    ),
}
"""The vectors that fail where a finding is made of their file and station."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the findings come to for a corpus."""

    failing: frozenset[str]
    refused: bool


def codes(policy: Policy, station: Station, backend: Backend, version: EnvoyVersion) -> set[str]:
    """The codes of everything that is found when compiling for *version*."""
    found = version_findings(policy, station, [backend], version)
    if backend == "native":
        found += native_chain(policy, NativeOptions(station=station)).diagnostics
    return {one.code for one in found}


def said(files: Iterable[VectorFile], backend: Backend, version: EnvoyVersion) -> Said:
    """What becomes of the corpus on *backend* in *version*, by the findings alone."""
    failing, made = set[str](), set[str]()
    for file in files:
        for station in STATIONS:
            found = codes(file.policy, station, backend, version)
            made |= found
            limited = frozenset[str]().union(*(LIMITS.get(code, frozenset()) for code in found))
            names = {name(file, v.name) for v in file.vectors if v.station == station}
            failing |= names & limited
    return Said(failing=frozenset(failing), refused=bool(made & REFUSALS))


def name(file: VectorFile, vector: str) -> str:
    """How a vector of the corpus is called here."""
    return f"{file.file}: {vector}"
