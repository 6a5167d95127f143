"""The API server, as far as a policy needs it: list one object, watch it, patch its status."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import httpx2
from lightkube import ApiError, AsyncClient, ConfigError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from colorfast.extproc._object_name import ObjectName
from colorfast.extproc.kube._content import Json

LanePolicy: Final = create_namespaced_resource(
    "colorfast.dev", "v1alpha1", "LanePolicy", "lanepolicies"
)

_TIMEOUT: Final = 5.0
"""Seconds to connect, and between two packets of an answer that is not a watch."""

_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a list said: the object, or that there is none, as of *version*."""

    thing: Json | None
    version: str | None


@asynccontextmanager
async def connected() -> AsyncIterator[AsyncClient]:
    """A client for the pod's own service account, or for the kubeconfig of whoever runs this.

    A new one each time: certificates and tokens are read anew. Raises what is wrong with them.
    """
    client = await asyncio.to_thread(
        AsyncClient, timeout=httpx2.Timeout(_TIMEOUT), field_manager="colorfast"
    )
    try:
        yield client
    finally:
        await client.close()


async def find(client: AsyncClient, name: ObjectName) -> Found:
    """The object. Listed and not fetched, so that there is a version to watch from in any case."""
    listed = client.list(LanePolicy, **_selected(name))
    things = [plain(one) async for one in listed]
    return Found(thing=things[0] if things else None, version=listed.resourceVersion)


async def changes(
    client: AsyncClient, name: ObjectName, version: str | None, *, seconds: int
) -> AsyncGenerator[Json | None, None]:
    """The object after each change since *version*; None when it was deleted."""
    watched = client.watch(
        LanePolicy, **_selected(name), resource_version=version, server_timeout=seconds
    )
    # It is a generator, whatever its annotation says.
    async with aclosing(cast("AsyncGenerator[tuple[str, Any], None]", watched)) as events:
        async for kind, thing in events:
            yield None if kind == "DELETED" else plain(thing)


async def write_status(client: AsyncClient, name: ObjectName, patch: Json) -> None:
    """Patch the object's status."""
    await client.patch(
        LanePolicy.Status, name.name, patch, namespace=name.namespace, patch_type=PatchType.MERGE
    )


def conflicts(error: Exception) -> bool:
    """Whether somebody else has changed the object meanwhile, or it is gone."""
    return _code(error) in (_CONFLICT, _NOT_FOUND)


def why(error: Exception) -> tuple[str, str]:
    """Why the API server could not be asked, and what to do about it."""
    match _code(error):
        case None if isinstance(error, ConfigError):
            return str(error), "run it in a pod with a token, or set KUBECONFIG"
        case None:
            return f"{type(error).__name__}: {error}", ""
        case code if code == _FORBIDDEN:
            fix = "docs/kubernetes.md lists the rights that it takes"
        case code if code == _NOT_FOUND:
            fix = "kubectl apply --server-side -f k8s/crds"
        case _:
            fix = ""
    said = error.status.message if isinstance(error, ApiError) else str(error).partition("\n")[0]
    return f"it answered {_code(error)}: {said}", fix


def plain(thing: Any) -> Json:
    """*thing* as the JSON that it came as."""
    return cast("Json", thing.to_dict())


def _code(error: Exception) -> int | None:
    if isinstance(error, ApiError) and error.status is not None:
        return error.status.code
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) else None


def _selected(name: ObjectName) -> dict[str, Any]:
    return {"namespace": name.namespace, "fields": {"metadata.name": name.name}}
