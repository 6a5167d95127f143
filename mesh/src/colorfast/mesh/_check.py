"""Whether a policy can route in a mesh."""

from colorfast.mesh._errors import unusable_mesh
from colorfast.policy import Mesh, Policy


def check_mesh(mesh: Mesh, policy: Policy) -> None:
    """Raises ColorfastError (CF610) when *policy* cannot route in *mesh*."""
    for service in mesh.services:
        if policy.baseline not in service.lanes:
            raise unusable_mesh(
                f"{service.name} is not deployed in {policy.baseline}",
                fix=f"deploy it there: {policy.baseline} is the policy's baseline, the lane that "
                "every request falls back to",
            )
        for lane in service.lanes:
            if lane not in policy.lanes:
                raise unusable_mesh(
                    f"{service.name} is deployed in {lane}, which is no lane of policy "
                    f"{policy.name}",
                    fix=f"add {lane} to the policy's lanes",
                )
