"""What the pods that serve an object run, beside what the object says.

Pods are asked through the API server, so this works from wherever its user can ask that.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import httpx2
from lightkube import KubeConfig
from lightkube.config.client_adapter import AsyncClient, ConnectionParams

from colorfast.extproc._object_name import ObjectName
from colorfast.extproc.kube._api import why
from colorfast.extproc.kube._content import Json, content_of
from colorfast.policy import ColorfastError, InvalidInput, load_policy

SELECTOR: Final = "app.kubernetes.io/name=colorfast,app.kubernetes.io/component=extproc"
"""The labels of ``k8s/kustomize/base``."""

PORT: Final = "http-admin"
"""The name of the port of admin HTTP there."""

AT_ONCE: Final = 16
"""Pods that are asked at the same time."""

_TIMEOUT: Final = 5.0

State: TypeAlias = Literal["same", "differs", "silent"]
"""A silent pod did not say what it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one process of one pod serves. *worker* is its number, if there are several."""

    pod: str
    worker: int | None
    digest: str | None
    generation: int | None
    state: State
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """An object, and everybody who serves it."""

    name: str
    generation: int | None
    """None when there is no such object."""
    digest: str | None
    """Of the policy in it; None when it cannot be used."""
    problem: str
    """Why it cannot be used."""
    seen: tuple[Seen, ...]
    elsewhere: tuple[str, ...]
    """Pods that serve something else altogether."""

    @property
    def agrees(self) -> bool:
        """Whether somebody serves the object, and everybody serves what it says."""
        return bool(self.seen) and all(one.state == "same" for one in self.seen)


async def fleet(
    name: ObjectName, *, pods_in: str, selector: str = SELECTOR, context: str | None = None
) -> Fleet:
    """Ask the API server, and through it every pod of the namespace *pods_in*.

    *context* is one of the kubeconfig. Raises ColorfastError (CF631).
    """
    try:
        config = await asyncio.to_thread(lambda: KubeConfig.from_env().get(context))
        assert config is not None  # noqa: S101 (it raises where there is none)
        params = ConnectionParams(timeout=httpx2.Timeout(_TIMEOUT))
        async with AsyncClient(config, params) as http:
            thing = await _thing(http, name)
            pods = await _pods(http, pods_in, selector)
            shown = await _all_shown(http, pods)
    except Exception as error:  # noqa: BLE001 (whatever a client of HTTP raises)
        reason, fix = why(error)
        raise ColorfastError(
            "CF631", f"the API server cannot be asked about {name}", why=reason, fix=fix
        ) from None
    return compared(name, thing, shown)


def compared(name: ObjectName, thing: Json | None, shown: Mapping[str, Json | str]) -> Fleet:
    """*thing* beside what each pod has *shown*: its ``/policy``, or why there was none."""
    digest, problem = _digest(name, thing)
    seen: list[Seen] = []
    elsewhere = []
    for pod, said in shown.items():
        if isinstance(said, dict) and said.get("source") != str(name):
            elsewhere.append(pod)
        else:
            seen += _seen(pod, said, digest)
    generation = None if thing is None else thing["metadata"].get("generation")
    return Fleet(
        name=str(name),
        generation=generation,
        digest=digest,
        problem=problem,
        seen=tuple(seen),
        elsewhere=tuple(elsewhere),
    )


def _digest(name: ObjectName, thing: Json | None) -> tuple[str | None, str]:
    if thing is None:
        return None, "CF630: there is no such LanePolicy"
    try:
        loaded = load_policy(content_of(thing).decode(), file=str(name), by_path=True)
    except InvalidInput as error:
        return None, f"{error.code}: {error.what}"
    return loaded.policy.digest, ""


def _seen(pod: str, said: Json | str, digest: str | None) -> Iterator[Seen]:
    if isinstance(said, str):
        yield Seen(pod=pod, worker=None, digest=None, generation=None, state="silent", why=said)
        return
    for worker in said.get("workers", [{"worker": None, "digest": said.get("digest")}]):
        same = digest is not None and worker["digest"] == digest
        yield Seen(
            pod=pod,
            worker=worker["worker"],
            digest=worker["digest"],
            generation=said.get("generation"),
            state="same" if same else "differs",
            why="" if same else _refusal(said),
        )


def _refusal(said: Json) -> str:
    refusal = said.get("lastRefusal") or {"diagnostics": []}
    return "; ".join(f"{one['code']}: {one['what']}" for one in refusal["diagnostics"][:1])


async def _thing(http: httpx2.AsyncClient, name: ObjectName) -> Json | None:
    spaces = f"/apis/colorfast.dev/v1alpha1/namespaces/{name.namespace}"
    answer = await http.get(f"{spaces}/lanepolicies/{name.name}")
    if answer.status_code == httpx2.codes.NOT_FOUND:
        return None
    return _json(answer)


async def _pods(http: httpx2.AsyncClient, namespace: str, selector: str) -> list[Json]:
    """The pods that run, and are not about to end."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    listed = _json(await http.get(path, params={"labelSelector": selector}))
    return [
        pod
        for pod in listed["items"]
        if pod.get("status", {}).get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
    ]


async def _all_shown(http: httpx2.AsyncClient, pods: list[Json]) -> dict[str, Json | str]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(pod: Json) -> tuple[str, Json | str]:
        async with turns:
            return pod["metadata"]["name"], await _shown(http, pod)

    return dict(sorted(await asyncio.gather(*map(ask, pods))))


async def _shown(http: httpx2.AsyncClient, pod: Json) -> Json | str:
    metadata, port = pod["metadata"], _port(pod)
    if port is None:
        return f"it has no port that is called {PORT}"
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}:{port}"
    try:
        return _json(await http.get(f"{path}/proxy/policy"))
    except (httpx2.HTTPError, json.JSONDecodeError) as error:
        return why(error)[0]


def _port(pod: Json) -> int | None:
    ports = [port for one in pod["spec"]["containers"] for port in one.get("ports", ())]
    return next((port["containerPort"] for port in ports if port.get("name") == PORT), None)


def _json(answer: httpx2.Response) -> Json:
    answer.raise_for_status()
    data: Json = answer.json()
    return data
