"""What controllers write, as it comes: the cluster's state after every single write."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeAlias

from lab.kube._api import Api, Json, Refused

Key: TypeAlias = tuple[str, str]
"""Kind and name."""

COLLECTIONS: Final[Mapping[str, str]] = {
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "DestinationRule": "/apis/networking.istio.io/v1/namespaces/{}/destinationrules",
    "Service": "/api/v1/namespaces/{}/services",
    "Pod": "/api/v1/namespaces/{}/pods",
}
"""What decides where a request goes."""


@dataclass(frozen=True, slots=True)
class State:
    """Everything as it was after one write. *at* counts seconds from the recorder's start."""

    at: float
    written: Key
    things: Mapping[Key, Json] = field(repr=False)

    def of(self, kind: str) -> dict[str, Json]:
        """The objects of *kind* by name."""
        return {name: thing for (one, name), thing in self.things.items() if one == kind}


class Recorder:
    """Watches a namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._started = monotonic()
        self._lock = threading.Lock()
        self._things: dict[Key, Json] = {}
        self._states: list[State] = []
        self._stopped = False

    def start(self) -> None:
        """Watch from now on, until the API server goes away."""
        for kind, collection in COLLECTIONS.items():
            arguments = (kind, collection.format(self._namespace))
            threading.Thread(target=self._run, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """Record nothing any more."""
        self._stopped = True

    def states(self, since: int = 0) -> list[State]:
        """What was recorded, from the *since*-th state on."""
        with self._lock:
            return self._states[since:]

    def has_seen(self, thing: Json) -> bool:
        """Whether *thing*, or something later in its place, was recorded."""
        metadata = thing["metadata"]
        if thing["kind"] not in COLLECTIONS:
            return True
        with self._lock:
            now = self._things.get((thing["kind"], metadata["name"]))
        # Opaque to the strict; etcd's revisions, which only grow, to whoever has to know.
        versions = [int(one["metadata"]["resourceVersion"]) for one in (now, thing) if one]
        return len(versions) == 2 and versions[0] >= versions[1]

    def _run(self, kind: str, path: str) -> None:
        with suppress(OSError, Refused):
            for event in self._api.watch(path):
                if self._stopped:
                    return
                self._note(kind, event)

    def _note(self, kind: str, event: Json) -> None:
        thing = event["object"]
        key = (kind, thing["metadata"]["name"])
        with self._lock:
            if event["type"] == "DELETED":
                self._things.pop(key, None)
            else:
                self._things[key] = thing
            at = monotonic() - self._started
            self._states.append(State(at, key, dict(self._things)))


@contextmanager
def recording(api: Api, namespace: str) -> Iterator[Recorder]:
    """A recorder until the block ends."""
    recorder = Recorder(api, namespace)
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()
