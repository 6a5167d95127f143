"""Orders over Kafka: each lane reads its own, and the baseline those of lanes that are not there.

    pip install colorfast kafka-python
    export KAFKA=127.0.0.1:9092 TOPIC=orders
    echo canary > /tmp/live; export LIVE=/tmp/live      # the lanes that have consumers
    python kafka_orders.py &                            # the baseline
    LANE=canary python kafka_orders.py &
    python kafka_orders.py tea canary                   # an order in lane canary
    python kafka_orders.py milk                         # and one in none

The consumers find the list of live lanes again when it changes; take `canary` out, and the baseline
reads its orders.
"""

import os
import sys

from kafka import KafkaConsumer, KafkaProducer

from colorfast.propagator import lane
from colorfast.propagator.messaging import FileLanes, Role, kafka

KAFKA, TOPIC = os.environ["KAFKA"], os.environ["TOPIC"]


def order(what: str, name: str | None) -> None:
    """Send an order, in lane *name*."""
    producer = KafkaProducer(bootstrap_servers=KAFKA)
    with lane.use(name):  # in a service, the request has brought the lane
        producer.send(TOPIC, what.encode(), headers=kafka.headers())
    producer.close()


def work() -> None:
    """Take the orders of our lane, for ever."""
    role = Role(lane=os.environ.get("LANE"), live=FileLanes(os.environ["LIVE"]))
    consumer = KafkaConsumer(
        TOPIC,
        bootstrap_servers=KAFKA,
        group_id=role.name("warehouse"),  # warehouse, warehouse-canary
        auto_offset_reset="earliest",
    )
    for record in kafka.records(consumer, role):
        # What is called or sent from here on goes on in the order's lane.
        print(f"{record.value.decode()} in lane {lane.current()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        order(sys.argv[1], *(sys.argv[2:] or [None]))
    else:
        work()
