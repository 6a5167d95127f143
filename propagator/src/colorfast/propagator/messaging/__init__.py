"""Lanes over message brokers: which consumer takes a message, and the lane while it is worked on.

This package is the standard library's; each kind of broker has a module of its own, to be imported
by name. They know clients by the shape of their records and import none of them:
``messaging.kafka`` (kafka-python, aiokafka, confluent-kafka), ``messaging.amqp`` (pika, aio-pika),
``messaging.celery``.
"""

from colorfast.propagator.messaging._live import (
    FileLanes,
    LiveLanes,
    StaticLanes,
    parse_lanes,
)
from colorfast.propagator.messaging._polled import HttpLanes, PolledLanes
from colorfast.propagator.messaging._share import (
    BASELINE,
    Role,
    lane_name,
    lane_of_name,
    lanes_of_names,
    should_consume,
    taker,
)

__all__ = [
    "BASELINE",
    "FileLanes",
    "HttpLanes",
    "LiveLanes",
    "PolledLanes",
    "Role",
    "StaticLanes",
    "lane_name",
    "lane_of_name",
    "lanes_of_names",
    "parse_lanes",
    "should_consume",
    "taker",
]
