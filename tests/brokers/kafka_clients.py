"""The Kafka clients that Colorfast knows, each as one thing that produces and consumes."""

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextvars import copy_context
from typing import Any, Self, TypeAlias

import aiokafka
import confluent_kafka
import kafka as kafka_python
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from colorfast.propagator import lane
from colorfast.propagator.messaging import Role, kafka
from helpers.processes import wait_until

WITHIN = 60.0
POLL = 0.1
PATIENCE = 0.5

Pairs: TypeAlias = list[tuple[str, bytes]]


def make_topic(address: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(name, num_partitions=1)])[name].result(WITHIN)


class Reader(ABC, threading.Thread):
    """A consumer in a thread: what it took, and in which lane it was while it did."""

    batches = False

    def __init__(self, address: str, topic: str, group: str, role: Role) -> None:
        super().__init__(name=f"{type(self).__name__} {group}")
        self.address, self.topic, self.group_id, self.role = address, topic, group, role
        self.took: list[str] = []
        self.lanes: list[str | None] = []
        self.left_over: list[str | None] = []
        self.headers: list[Pairs] = []
        self.error: BaseException | None = None
        self.stopping = threading.Event()

    def run(self) -> None:
        try:
            self.read()
        except BaseException as error:  # noqa: BLE001 (it is shown by the thread that looks)
            self.error = error

    @abstractmethod
    def read(self) -> None: ...

    def note(self, record: Any) -> None:
        value, headers = record.value, record.headers
        self.headers.append(list((headers() if callable(headers) else headers) or ()))
        self.lanes.append(lane.current())
        self.took.append((value() if callable(value) else value).decode())

    def between(self) -> None:
        """What the thread is in when it works on no record."""
        self.left_over.append(lane.current())

    def wait_for(self, *values: str) -> None:
        def came() -> bool:
            assert self.error is None, self.error
            return set(values) <= set(self.took)

        wait_until(came, f"{self.name} takes {values}", within=WITHIN)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.join(WITHIN)
        assert not self.is_alive()
        assert self.error is None, self.error
        assert set(self.left_over) <= {None}


class KafkaPython(Reader):
    """kafka-python, record by record."""

    def read(self) -> None:
        consumer = kafka_python.KafkaConsumer(
            bootstrap_servers=self.address,
            group_id=self.group_id,
            auto_offset_reset="earliest",
            consumer_timeout_ms=PATIENCE * 1000,
        )
        # It must know the topic before it joins: when a wait for records ends in the middle of a
        # second join, kafka-python 3.0 may never get partitions.
        consumer.partitions_for_topic(self.topic)
        consumer.subscribe([self.topic])
        with contextlib.closing(consumer):
            while not self.stopping.is_set():
                self.turn(consumer)
                self.between()

    def turn(self, consumer: Any) -> None:
        for record in kafka.records(consumer, self.role):
            self.note(record)


class KafkaPythonBatches(KafkaPython):
    """kafka-python, batch by batch."""

    batches = True

    def turn(self, consumer: Any) -> None:
        batch = consumer.poll(timeout_ms=PATIENCE * 1000)
        for record in kafka.records(batch, self.role):
            self.note(record)


class Confluent(Reader):
    """confluent-kafka, batch by batch."""

    batches = True

    def read(self) -> None:
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": self.group_id,
                "auto.offset.reset": "earliest",
                "enable.auto.offset.store": False,
            }
        )
        consumer.subscribe([self.topic])
        with contextlib.closing(consumer):
            while not self.stopping.is_set():
                batch = consumer.consume(100, POLL)
                for message in kafka.records(batch, self.role, skipped=consumer.store_offsets):
                    assert message.error() is None, message.error()
                    self.note(message)
                    consumer.store_offsets(message)
                self.between()


class Aiokafka(Reader):
    """aiokafka, record by record."""

    def read(self) -> None:
        asyncio.run(self.main())

    async def main(self) -> None:
        consumer = aiokafka.AIOKafkaConsumer(
            self.topic,
            bootstrap_servers=self.address,
            group_id=self.group_id,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            await self.consume(consumer)
        finally:
            await consumer.stop()

    async def consume(self, consumer: Any) -> None:
        task = asyncio.create_task(self.iterate(consumer))
        while not self.stopping.is_set() and not task.done():  # noqa: ASYNC110 (a thread sets it)
            await asyncio.sleep(POLL)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def iterate(self, consumer: Any) -> None:
        async with kafka.async_records(consumer, self.role) as records:
            async for record in records:
                self.note(record)


class AiokafkaBatches(Aiokafka):
    """aiokafka, batch by batch."""

    batches = True

    async def consume(self, consumer: Any) -> None:
        while not self.stopping.is_set():
            batch = await consumer.getmany(timeout_ms=int(POLL * 1000))
            for record in kafka.records(batch, self.role):
                await asyncio.sleep(0)
                self.note(record)
            self.between()


READERS: Sequence[type[Reader]] = (
    KafkaPython, KafkaPythonBatches, Aiokafka, AiokafkaBatches, Confluent,
)  # fmt: skip


class Sender(ABC):
    """A producer; ``send`` returns when the broker has the record."""

    @abstractmethod
    def send(self, topic: str, value: str, headers: Pairs | None = None) -> None: ...


class KafkaPythonSender(Sender):
    def __init__(self, address: str) -> None:
        self._producer = kafka_python.KafkaProducer(bootstrap_servers=address)

    def send(self, topic: str, value: str, headers: Pairs | None = None) -> None:
        sent = self._producer.send(topic, value.encode(), headers=headers)
        sent.get(WITHIN)

    def close(self) -> None:
        self._producer.close()


class ConfluentSender(Sender):
    def __init__(self, address: str) -> None:
        self._producer = confluent_kafka.Producer({"bootstrap.servers": address})

    def send(self, topic: str, value: str, headers: Pairs | None = None) -> None:
        to_send: Any = [] if headers is None else headers
        self._producer.produce(topic, value.encode(), headers=to_send)
        assert self._producer.flush(WITHIN) == 0

    def close(self) -> None:
        pass


class AiokafkaSender(Sender):
    def __init__(self, address: str) -> None:
        self._runner = asyncio.Runner()
        self._producer = self._runner.run(self._start(address))

    async def _start(self, address: str) -> Any:
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=address)
        await producer.start()
        return producer

    def send(self, topic: str, value: str, headers: Pairs | None = None) -> None:
        # A runner's context is its own: ours goes along, as where everything is asynchronous.
        self._runner.run(
            self._producer.send_and_wait(topic, value.encode(), headers=headers),
            context=copy_context(),
        )

    def close(self) -> None:
        self._runner.run(self._producer.stop())
        self._runner.close()


SENDERS = (KafkaPythonSender, AiokafkaSender, ConfluentSender)


@contextlib.contextmanager
def sender(kind: Any, address: str) -> Iterator[Sender]:
    one = kind(address)
    try:
        yield one
    finally:
        one.close()
