"""Conformance vectors: the public file format, and the reference's answer to each vector."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from colorfast.lane import OWS, LaneSet
from colorfast.policy._engine import Engine
from colorfast.policy._errors import Diagnostic, InvalidInput
from colorfast.policy._ir import Policy
from colorfast.policy._load import findings, load_policy, policy_at, settle
from colorfast.policy._model import Model, problem
from colorfast.policy._outcome import Outcome
from colorfast.policy._request import Request
from colorfast.policy._source import Document, read_yaml
from colorfast.policy._validate import validate

Lines = tuple[tuple[str, bytes], ...]


def _header_line(line: list[str]) -> list[str]:
    if len(line) != 2:
        raise problem("CF107", "a header line is a pair, [name, value]")
    return line


class RequestModel(Model):
    """A request, as a client sends it."""

    method: Annotated[str, StringConstraints(min_length=1)] = "GET"
    host: Annotated[str, StringConstraints(min_length=1)] = "localhost"
    path: Annotated[str, StringConstraints(min_length=1)] = "/"
    headers: list[Annotated[list[str], AfterValidator(_header_line)]] = Field(default_factory=list)
    source_ip: str = Field(default="127.0.0.1", alias="sourceIp")

    def lines(self) -> Lines:
        """Header lines in Envoy's shape: pseudo-headers first, values without outer OWS."""
        pseudo = ((":authority", self.host), (":path", self.path), (":method", self.method))
        plain = ((name.lower(), value) for name, value in self.headers)
        return tuple((name, value.encode().strip(OWS)) for name, value in (*pseudo, *plain))


class ExpectModel(Model):
    """What must come out. What is not named is not checked."""

    lane: str | None = None
    rule: str | None = None
    headers: dict[str, list[str]] = Field(default_factory=dict)
    route: str | None = None


class VectorModel(Model):
    """One request at one station, and what must come of it."""

    name: Annotated[str, StringConstraints(min_length=1)]
    station: Literal["dye", "carry"]
    request: RequestModel = RequestModel()
    expect: ExpectModel


class _FileModel(Model):
    policy: Any
    vectors: Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFile:
    """A policy and the vectors that it must pass."""

    file: str
    policy: Policy
    vectors: tuple[VectorModel, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a backend did with one vector. *rule* None with *rule_known* False: it cannot tell."""

    lane: str | None
    route: str
    lines: Lines = field(repr=False)
    rule: str | None = None
    rule_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as expected."""

    what: str
    expected: object
    observed: object

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected!r}, got {self.observed!r}"


def load_vectors(text: str, *, file: str, read: Callable[[str], str]) -> VectorFile:
    """Read a vector file; *read* fetches the policy file that it names, if it names one.

    Raises InvalidInput with every finding; what *read* raises passes through.
    """
    document = read_yaml(text, file)
    if not document.readable:
        raise InvalidInput(findings(document))
    top = validate(_FileModel, document).value
    vectors = list(_vectors(document)) if top else []
    named = top.policy if top and isinstance(top.policy, str) else None
    policy = None
    if named is not None:
        policy = _named(document, named, read)
    elif top is not None:
        policy = policy_at(document, ("policy",), name="policy")
    policy = settle(document, policy)
    return VectorFile(
        file=file, policy=policy, vectors=tuple(vectors), diagnostics=findings(document)
    )


def _named(document: Document, file: str, read: Callable[[str], str]) -> Policy | None:
    """The policy of another file; what is found in it is reported with what is found here."""
    try:
        loaded = load_policy(read(file), file=file)
    except InvalidInput as error:
        document.diagnostics += error.diagnostics
        return None
    document.diagnostics += loaded.diagnostics
    return loaded.policy


def _vectors(document: Document) -> Iterator[VectorModel]:
    seen: set[str] = set()
    for index in range(len(document.data["vectors"])):
        at = ("vectors", index)
        vector = validate(VectorModel, document, at).value
        if vector is None:
            continue
        if vector.name in seen:
            document.report("CF207", (*at, "name"), f"two vectors are called {vector.name}")
        seen.add(vector.name)
        yield vector


def observe_reference(policy: Policy, vector: VectorModel) -> Observed:
    """What the reference does with *vector*."""
    lines = vector.request.lines()
    request = Request(lines, vector.request.source_ip)
    engine = Engine(policy)
    outcome = engine.dye(request) if vector.station == "dye" else engine.carry(request)
    after = apply(outcome, lines)
    return Observed(
        lane=outcome.lane, rule=outcome.rule, route=route_of(policy, after), lines=after
    )


def apply(outcome: Outcome, lines: Lines) -> Lines:
    """*lines* after the writes of *outcome*."""
    touched = {*outcome.removes, *(name for name, _ in outcome.sets)}
    return tuple(line for line in lines if line[0] not in touched) + outcome.sets


def route_of(policy: Policy, lines: Lines) -> str:
    """Whose upstream gets it, with one route a lane and the baseline as the default route.

    A route's header matcher looks at every line on its own (Envoy 1.40), unlike the matchers of
    HTTP filters, which see the lines joined; and the first route wins.
    """
    values = [value for name, value in lines if name == policy.header]
    for pattern in policy.lanes.patterns:
        route = LaneSet((pattern,))
        for value in values:
            lane = route.admit(value)
            if lane is not None:
                return lane
    return policy.baseline


def differences(vector: VectorModel, observed: Observed) -> tuple[Difference, ...]:
    """Where *observed* is not what *vector* expects."""
    return tuple(_differences(vector.expect, observed))


def _differences(expect: ExpectModel, observed: Observed) -> Iterator[Difference]:
    asked = expect.model_fields_set
    if "lane" in asked and expect.lane != observed.lane:
        yield Difference(what="lane", expected=expect.lane, observed=observed.lane)
    if "rule" in asked and observed.rule_known and expect.rule != observed.rule:
        yield Difference(what="rule", expected=expect.rule, observed=observed.rule)
    if "route" in asked and expect.route != observed.route:
        yield Difference(what="route", expected=expect.route, observed=observed.route)
    for name, wanted in expect.headers.items():
        got = [value for line, value in observed.lines if line == name.lower()]
        if got != [value.encode() for value in wanted]:
            shown = [value.decode("utf-8", "backslashreplace") for value in got]
            yield Difference(what=f"header {name}", expected=wanted, observed=shown)
