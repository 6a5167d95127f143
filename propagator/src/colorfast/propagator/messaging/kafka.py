"""Lanes over Kafka, for kafka-python, aiokafka and confluent-kafka; none of them is imported.

Each lane has a consumer group of its own (``Role.name``), every group reads every record, and keeps
what is for its lane::

    role = Role(lane=os.environ.get("LANE"), live=FileLanes("/etc/lanes/live"))
    consumer = KafkaConsumer("orders", group_id=role.name("billing"))
    for record in kafka.records(consumer, role):
        work(record)                                    # in the record's lane
        producer.send("paid", b"...", headers=kafka.headers())

A consumer's position moves over what is skipped, so auto-commit and ``consumer.commit()`` commit it
as well. Who commits record by record does so for the skipped ones in *skipped*.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from colorfast.propagator import lane
from colorfast.propagator.messaging._headers import Pairs, headers_of, pairs_to_send
from colorfast.propagator.messaging._iterate import AsyncMessages, Skipped, ours
from colorfast.propagator.messaging._share import Role

R = TypeVar("R")


def lane_of(record: Any) -> str | None:
    """The lane that *record* carries; None when it has none that is valid. Never raises for one."""
    return lane.current(lane.extract(headers_of(record)))


def from_record(record: Any) -> AbstractContextManager[str | None]:
    """Run the block of a ``with`` in the lane of *record*; without one when it has none."""
    return lane.from_headers(headers_of(record))


def headers(forwarded: Pairs | None = None) -> list[tuple[str, bytes]]:
    """Headers to produce with: *forwarded*, say of a consumed record, and the current lane.

    Entries that *forwarded* has of another lane are replaced: a reader takes the first one. Without
    a current lane *forwarded* stays as it is.
    """
    return pairs_to_send(forwarded)


def records(
    source: Iterable[R] | Mapping[Any, Iterable[R]],
    role: Role,
    *,
    skipped: Skipped[R] | None = None,
) -> Iterator[R]:
    """The records of *source* that are for *role*, each in its lane while the loop works on it.

    *source* is a consumer that can be iterated over (kafka-python), or a batch: a list (of
    confluent-kafka's ``consume``), or lists by partition (of ``poll`` or ``getmany``). *skipped* is
    called with each record that is not for *role*. Messages of confluent-kafka that are an
    ``error()`` come through, in no lane.
    """
    batches = source.values() if isinstance(source, Mapping) else (source,)
    every = (record for batch in batches for record in batch)
    return ours(every, role, skipped, always=_is_error)


def async_records(
    source: AsyncIterable[R],
    role: Role,
    *,
    skipped: Callable[[R], Awaitable[object] | object] | None = None,
) -> AsyncMessages[R]:
    """``records`` for ``async for``: *source* is aiokafka's consumer; *skipped* may be async."""
    return AsyncMessages(source, role, skipped)


def _is_error(record: object) -> bool:
    # confluent-kafka hands errors out as messages; no lane's consumer may miss one.
    error = getattr(record, "error", None)
    return callable(error) and error() is not None
