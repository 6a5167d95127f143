"""Whether a policy can route in a mesh: two files that must agree."""

from collections.abc import Iterator

from colorfast.lane import is_family
from colorfast.policy._errors import Diagnostic, InvalidInput
from colorfast.policy._ir import Policy
from colorfast.policy._mesh import Mesh, Service


def check_fit(policy: Policy, mesh: Mesh) -> None:
    """Raises InvalidInput (CF224), with every finding, when *policy* cannot route in *mesh*."""
    found = (*_lanes(policy, mesh), *_strict(policy, mesh))
    if found:
        raise InvalidInput(found)


def _lanes(policy: Policy, mesh: Mesh) -> Iterator[Diagnostic]:
    for service in mesh.services:
        if policy.baseline not in service.lanes:
            yield _misfit(
                mesh,
                service,
                f"{service.name} is not deployed in {policy.baseline}",
                why=f"{policy.baseline} is the baseline of policy {policy.name}, the lane that "
                "every request falls back to",
                fix="deploy it there",
            )
        for lane in service.lanes:
            if lane not in policy.lanes:
                yield _misfit(
                    mesh,
                    service,
                    f"{service.name} is deployed in {lane}, which is no lane of policy "
                    f"{policy.name}",
                    fix=f"add {lane} to the policy's lanes",
                )


def _strict(policy: Policy, mesh: Mesh) -> Iterator[Diagnostic]:
    for pattern in mesh.strict.patterns:
        known = pattern in policy.lanes.patterns if is_family(pattern) else pattern in policy.lanes
        if not known:
            yield _misfit(
                mesh,
                None,
                f"{pattern} is strict, and is no lane of policy {policy.name}",
                fix="name a lane as the policy's lanes do",
            )
        elif pattern == policy.baseline:
            yield _misfit(
                mesh,
                None,
                f"the baseline {pattern} cannot be strict",
                why="it is the lane that others fall back to, and every service has it",
                fix="remove it from strict",
            )


def _misfit(
    mesh: Mesh, service: Service | None, what: str, *, why: str = "", fix: str = ""
) -> Diagnostic:
    line, column = service.position if service is not None else mesh.strict_position
    return Diagnostic(
        code="CF224", file=mesh.file, line=line, column=column, what=what, why=why, fix=fix
    )
