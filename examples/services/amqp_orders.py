"""Orders over RabbitMQ (3.10 or newer): the broker sorts them into a queue for each lane.

    pip install colorfast pika
    export AMQP=amqp://guest:guest@127.0.0.1/%2F
    python amqp_orders.py &                             # the baseline
    LANE=canary python amqp_orders.py &
    python amqp_orders.py tea canary                    # an order in lane canary
    python amqp_orders.py milk                          # and one in none

What lane canary has not read after ten seconds, the baseline reads, in lane canary.
"""

import os
import sys

import pika

from colorfast.propagator import lane
from colorfast.propagator.messaging import amqp

ORDERS = amqp.LaneQueue(name="orders", hand_over=10)


def order(what: str, name: str | None) -> None:
    """Send an order, in lane *name*."""
    channel = connect()
    ORDERS.declare(channel)
    with lane.use(name):  # in a service, the request has brought the lane
        properties = amqp.dyed(pika.BasicProperties())
        channel.basic_publish(ORDERS.exchange, "", what.encode(), properties)
    channel.connection.close()


def work() -> None:
    """Take the orders of our lane, for ever."""
    channel = connect()
    queue = ORDERS.declare(channel, os.environ.get("LANE"))
    channel.basic_consume(queue, amqp.handler(take))
    channel.start_consuming()


def take(channel, method, properties, body: bytes) -> None:
    # What is called or sent from here on goes on in the order's lane.
    print(f"{body.decode()} in lane {lane.current()}", flush=True)
    channel.basic_ack(method.delivery_tag)


def connect():
    return pika.BlockingConnection(pika.URLParameters(os.environ["AMQP"])).channel()


if __name__ == "__main__":
    if sys.argv[1:]:
        order(sys.argv[1], *(sys.argv[2:] or [None]))
    else:
        work()
