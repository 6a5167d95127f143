"""The LanePolicy of a play: a file that the service follows."""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from colorfast.mesh._errors import not_ready
from colorfast.mesh._http import get
from colorfast.mesh._layout import SERVICE
from colorfast.mesh._mesh import RunningMesh
from colorfast.policy import Policy, load_policy
from colorfast.release import Json, Plan

_POLL: Final = 0.05
_BOUND: Final = 15.0
"""Seconds that the service has to take a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """Where the service looks for its policy."""

    path: Path

    def write(self, policy: Json) -> None:
        """Put *policy* there; the service may look at any moment, and never sees half of one."""
        part = self.path.with_suffix(".part")
        part.write_text(_text(policy), encoding="utf-8")
        os.replace(part, self.path)  # noqa: PTH105 (Path.replace hides that it is atomic)

    async def apply(self, running: RunningMesh, policy: Json) -> None:
        """Write *policy*, and wait until the service runs it. Raises ColorfastError (CF613)."""
        self.write(policy)
        digest = load_policy(_text(policy)).policy.digest
        for _ in range(int(_BOUND / _POLL)):
            if await _digest(running) == digest:
                return
            await asyncio.sleep(_POLL)
        raise not_ready(SERVICE, _BOUND, running.logs / f"{SERVICE}.log")


async def _digest(running: RunningMesh) -> str | None:
    reply = await get("http://localhost/policy", socket=running.layout.admin(SERVICE))
    return json.loads(reply.text).get("digest") if reply.status == 200 else None


def widest(made: Plan) -> Policy:
    """The policy of *made* that reads most, which Envoy has to send from the start.

    Filters are the same during all of the release.
    """
    objects = [step.policy for step in made.steps if step.policy is not None]
    policies = [made.release.policy, *(load_policy(_text(one)).policy for one in objects)]
    return max(policies, key=lambda policy: len(policy.reads()))


def _text(policy: Json) -> str:
    # In its order: the weights of a split are taken one after the other.
    return yaml.safe_dump(policy, sort_keys=False)
