"""What is written into namespaces, as it comes: their state after every single write.

One watch a kind is enough for a cluster, and for as many plays as go on in it. Watches of two kinds
know nothing of each other; writes are put in order by their revision, which etcd gives out.
"""

import bisect
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeAlias

from lab.kube._api import Json, Refused
from lab.kube._rig import WITHIN, Cluster

Key: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""

Place: TypeAlias = tuple[str, str]
"""Namespace and name."""

_NONE: Final[Mapping[Place, Json]] = {}

COLLECTIONS: Final[Mapping[str, str]] = {
    "VirtualService": "/apis/networking.istio.io/v1/virtualservices",
    "DestinationRule": "/apis/networking.istio.io/v1/destinationrules",
    "Service": "/api/v1/services",
    "Pod": "/api/v1/pods",
}
"""What decides where a request goes."""


@dataclass(frozen=True, slots=True)
class State:
    """Everything as it was after one write. *at* counts seconds from the recorder's start."""

    revision: int
    at: float
    kinds: Mapping[str, Mapping[Place, Json]] = field(repr=False)
    """By kind. What a write is not about is the same object as before, so that this can be told."""

    def of(self, kind: str) -> Mapping[Place, Json]:
        """The objects of *kind* by namespace and name."""
        return self.kinds.get(kind, _NONE)

    def after(self, write: "_Write") -> "State":
        """What there is after *write*."""
        kind, *place = write.key
        things = dict(self.of(kind))
        if write.thing is None:
            things.pop((place[0], place[1]), None)
        else:
            things[place[0], place[1]] = write.thing
        kinds = {**self.kinds, kind: things}
        return State(write.revision, max(self.at, write.at), kinds)


@dataclass(frozen=True, slots=True, order=True)
class _Write:
    revision: int
    key: Key
    at: float = field(compare=False)
    thing: Json | None = field(compare=False)
    """What there is now; None: it is gone."""


_NOTHING: Final = State(0, 0.0, {})


class Recorder:
    """What was written in some namespaces since it was made."""

    def __init__(
        self, cluster: Cluster, namespaces: Iterable[str], kinds: AbstractSet[str]
    ) -> None:
        self.namespaces = frozenset(namespaces)
        self._kinds = kinds
        self._cluster = cluster
        self._started = monotonic()
        self._changed = threading.Condition()
        self._writes: list[_Write] = []
        self._states: list[State] = []

    def now(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._started

    def note(self, key: Key, event: Json) -> None:
        """Put a write where it belongs."""
        revision = int(event["object"]["metadata"]["resourceVersion"])
        thing = None if event["type"] == "DELETED" else event["object"]
        write = _Write(revision, key, self.now(), thing)
        with self._changed:
            index = bisect.bisect_left(self._writes, write)
            if self._writes[index : index + 1] == [write]:
                return  # listed again, after the watch broke
            self._writes.insert(index, write)
            self._rebuild(index)
            self._changed.notify_all()

    def states(self) -> list[State]:
        """What there was after each write, in order."""
        with self._changed:
            return list(self._states)

    def last(self) -> State:
        """What there is."""
        with self._changed:
            return self._states[-1] if self._states else _NOTHING

    def revision(self) -> int:
        """Of the cluster, now: whatever is written later has a greater one."""
        # Of what there is none the answer is the shortest.
        listed = self._cluster.api.get("/api/v1/podtemplates?limit=1")
        return int(listed["metadata"]["resourceVersion"])

    def until_seen(self, thing: Json) -> int:
        """Wait until *thing*, or something later in its place, is recorded: its revision.

        0 of what is not recorded.
        """
        metadata = thing["metadata"]
        if thing["kind"] not in self._kinds:
            return 0
        key = (thing["kind"], metadata.get("namespace", ""), metadata["name"])
        # Opaque to the strict; etcd's revisions, which only grow, to whoever has to know.
        wanted = int(metadata["resourceVersion"])

        def there() -> bool:
            return any(one.key == key and one.revision >= wanted for one in self._writes)

        with self._changed:
            assert self._changed.wait_for(there, WITHIN), f"{key} is not recorded"
        return wanted

    def until(
        self,
        condition: Callable[[State], bool],
        what: str,
        *,
        since: int = 0,
        within: float = WITHIN,
    ) -> State:
        """The first state, of that at revision *since* and all later ones, that has *condition*."""
        end, looked = monotonic() + within, since
        states = self._from(since)
        while True:
            for state in states:
                looked = max(looked, state.revision)
                if _holds(condition, state):
                    # What a slower watch has told meanwhile may have made it hold before.
                    return next((one for one in self._from(since) if _holds(condition, one)), state)
            assert monotonic() < end, f"{what}: not within {within:g} seconds"
            states = self._later(looked)

    def until_quiet(self, seconds: float = 1.5) -> None:
        """Wait until for *seconds* nobody has written anything: who had to react has reacted."""
        end = monotonic() + WITHIN
        while self._changed_within(seconds):
            assert monotonic() < end, f"somebody writes on and on: {self.last().revision}"

    def _changed_within(self, seconds: float) -> bool:
        with self._changed:
            count = len(self._writes)
            return self._changed.wait_for(lambda: len(self._writes) != count, seconds)

    def _from(self, revision: int) -> list[State]:
        with self._changed:
            first = bisect.bisect_right(self._states, revision, key=lambda one: one.revision)
            return self._states[max(first - 1, 0) :]

    def _later(self, revision: int) -> list[State]:
        """What came after *revision*, after a while maybe nothing, and what there was at it.

        That again, for a slower watch may have told something of before it meanwhile.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._states and self._states[-1].revision > revision, 0.5
            )
        return self._from(revision)

    def _rebuild(self, index: int) -> None:
        """The states from the *index*-th write on: watches are not equally fast."""
        state = self._states[index - 1] if index else _NOTHING
        del self._states[index:]
        for write in self._writes[index:]:
            state = state.after(write)
            self._states.append(state)


def _holds(condition: Callable[[State], bool], state: State) -> bool:
    with suppress(KeyError, TypeError):  # of what is not there yet
        return condition(state)
    return False


class Watches:
    """Every write of the kinds that are watched, in the whole cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kinds: set[str] = set()
        self._recorders = defaultdict[str, list[Recorder]](list)
        """By namespace, of which some are everybody's."""
        self._stopping = threading.Event()

    def add(self, kind: str, path: str) -> None:
        """Watch the collection *path* too, until the end."""
        self._kinds.add(kind)
        threading.Thread(target=self._run, args=(kind, path), daemon=True).start()

    def stop(self) -> None:
        """Take no notice of anything any more."""
        self._stopping.set()

    @contextmanager
    def recording(self, namespaces: Iterable[str]) -> Iterator[Recorder]:
        """A recorder of *namespaces*, in which nothing is yet, until the block ends."""
        recorder = Recorder(self._cluster, namespaces, self._kinds)
        for namespace in recorder.namespaces:
            self._recorders[namespace].append(recorder)
        try:
            yield recorder
        finally:
            for namespace in recorder.namespaces:
                self._recorders[namespace].remove(recorder)

    def _run(self, kind: str, path: str) -> None:
        while not self._stopping.is_set():
            with suppress(OSError, Refused, ValueError):  # the API server goes, and comes back
                for event in self._cluster.api.watch(path):
                    if self._stopping.is_set():
                        return
                    if event["type"] != "ERROR":
                        self._note(kind, event)
            self._stopping.wait(0.2)

    def _note(self, kind: str, event: Json) -> None:
        metadata = event["object"]["metadata"]
        namespace = metadata.get("namespace", "")
        for recorder in list(self._recorders.get(namespace, ())):
            recorder.note((kind, namespace, metadata["name"]), event)


@contextmanager
def watching(cluster: Cluster) -> Iterator[Watches]:
    """Watches of what decides where requests go, until the block ends."""
    watches = Watches(cluster)
    for kind, path in COLLECTIONS.items():
        watches.add(kind, path)
    try:
        yield watches
    finally:
        watches.stop()
