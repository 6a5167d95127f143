"""A LaneMesh file's text to a Mesh."""

from typing import Any

import yaml

from colorfast.mesh._errors import unusable_mesh
from colorfast.mesh._model import Mesh, Service
from colorfast.policy import Policy


def load_mesh(text: str, *, file: str = "<mesh>") -> Mesh:
    """Read a LaneMesh. *file* is the name that errors show.

    Raises ColorfastError (CF610) when it is not one.
    """
    try:
        data = yaml.safe_load(text)
        if (data["apiVersion"], data["kind"]) != ("colorfast.dev/v1alpha1", "LaneMesh"):
            raise ValueError("apiVersion and kind must be colorfast.dev/v1alpha1 and LaneMesh")
        spec = data["spec"]
        _only(data, "apiVersion", "kind", "metadata", "spec")
        _only(spec, "entry", "services")
        services = tuple(_service(name, body) for name, body in spec["services"].items())
        return Mesh(name=data["metadata"]["name"], entry=spec["entry"], services=services)
    except KeyError as error:
        raise unusable_mesh(f"{file}: {error.args[0]} is missing") from None
    except (yaml.YAMLError, TypeError, AttributeError, ValueError) as error:
        raise unusable_mesh(f"{file}: {error}") from None


def check_mesh(mesh: Mesh, policy: Policy) -> None:
    """Whether *policy* can route in *mesh*. Raises ColorfastError (CF610)."""
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


def _only(body: dict[str, Any], *known: str) -> None:
    for key in body:
        if key not in known:
            raise ValueError(f"{key!r} is not a key here, only {', '.join(known)}")


def _service(name: str, body: dict[str, Any]) -> Service:
    _only(body, "lanes", "calls", "app")
    return Service(
        name=name,
        lanes=tuple(body["lanes"]),
        calls=tuple(body.get("calls", ())),
        app=body.get("app", "aiohttp"),
    )
