"""Backends in the real Envoy against the reference: a batch of random policies, a listener each."""

import asyncio

import pytest

from colorfast.envoy import Backend, beyond_native
from colorfast.mesh.conformance import BACKENDS, observe_in_envoy
from colorfast.policy import (
    InvalidInput,
    Observed,
    Policy,
    VectorFile,
    VectorModel,
    observe_reference,
)
from helpers.drawn import drawn_files

POLICIES: dict[Backend, int] = {"native": 20, "lua": 8, "wasm": 8, "extproc": 8}
"""The batch of each backend. Native filters run nowhere but here, the others in process, too."""

AT_LEAST = 2
"""Requests for each policy: fewer would say that most of what is drawn is thrown away."""


@pytest.mark.parametrize("backend", BACKENDS)
def test_drawn_policies_do_the_same_behind_envoy(backend: Backend) -> None:
    files = drawn_files(POLICIES[backend])
    compared = 0
    for file, observed in zip(files, asyncio.run(observe_in_envoy(files, backend)), strict=True):
        if isinstance(observed, InvalidInput):
            # Nothing else that is drawn cannot be expressed.
            assert {one.code for one in observed.diagnostics} == {"CF421"}
            assert backend == "native"
            continue
        for vector, one in zip(file.vectors, observed, strict=True):
            request = vector.request
            if backend == "native" and beyond_native(file.policy, vector.station, request.headers):
                continue
            assert_the_same(file, vector, one)
            compared += 1
    assert compared >= AT_LEAST * POLICIES[backend]


def assert_the_same(file: VectorFile, vector: VectorModel, one: Observed) -> None:
    wanted = observe_reference(file.policy, vector)
    rules = (one.rule, wanted.rule) if one.rule_known else (None, None)
    assert told(file.policy, one) == told(file.policy, wanted), (file.policy, vector)
    assert rules[0] == rules[1], (file.policy, vector)


def told(policy: Policy, one: Observed) -> tuple[object, ...]:
    written = sorted(line for line in one.lines if line[0] in (policy.header, "baggage"))
    several = [name for name, _ in written].count(policy.header) > 1
    # The bench's route for a family says the first line, whichever line has matched.
    return one.lane, None if several and one.lane is None else one.route, written
