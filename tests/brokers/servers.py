"""Kafka, RabbitMQ and Redis, started and stopped by the tests."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import redis
from brokers.install import KAFKA, rabbitmq
from brokers.process import LOOPBACK, answers, free_ports, running
from confluent_kafka.admin import AdminClient
from pika import BlockingConnection, ConnectionParameters
from pika.exceptions import AMQPError

_JVM = ("-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

_KAFKA = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
log.cleaner.enable=false
"""


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """A Kafka of one node (KRaft); its address."""
    settings = folder / "kafka.properties"
    settings.write_text(_settings(folder, 9092, 9093))
    java = ["java", *_JVM, "-cp", f"{KAFKA}/libs/*"]
    tool = [*java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ"]
    subprocess.run(
        [*tool, "-c", str(settings)], check=True, cwd=folder, timeout=60, capture_output=True
    )
    # Chosen as late as can be, for until Kafka has them somebody else may take them.
    port, controller = free_ports(2)
    settings.write_text(_settings(folder, port, controller))
    address = f"{LOOPBACK}:{port}"

    def ready() -> bool:
        return answers(port) and _has_a_broker(address)

    with running("kafka", [*java, "kafka.Kafka", str(settings)], folder, ready):
        yield address


def _settings(folder: Path, port: int, controller: int) -> str:
    return _KAFKA.format(host=LOOPBACK, port=port, controller=controller, folder=folder)


def _has_a_broker(address: str) -> bool:
    with contextlib.suppress(Exception):
        admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
        return bool(admin.list_topics(timeout=2).brokers)
    return False


@contextlib.contextmanager
def rabbit(folder: Path) -> Iterator[str]:
    """A RabbitMQ of one node, with an Erlang port mapper of its own; its AMQP URL."""
    script = rabbitmq()
    assert script is not None
    port, distribution, mapper = free_ports(3)
    home = folder / "home"
    home.mkdir()
    env = {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_MNESIA_DIR": str(folder / "data" / "node"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "rabbit.pid"),
        "RABBITMQ_NODENAME": f"colorfast-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
        ),
        "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server
    }
    (folder / "enabled_plugins").write_text("[].\n")
    parameters = ConnectionParameters(LOOPBACK, port)

    def ready() -> bool:
        with contextlib.suppress(AMQPError, OSError):
            BlockingConnection(parameters).close()
            return True
        return False

    epmd = ["epmd", "-address", LOOPBACK, "-port", str(mapper)]
    with (
        running("epmd", epmd, folder, lambda: answers(mapper)),
        running("rabbit", [script], folder, ready, env=env),
    ):
        yield f"amqp://guest:guest@{LOOPBACK}:{port}/%2F"


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis that keeps nothing; its URL."""
    (port,) = free_ports(1)
    command = ["redis-server", "--bind", LOOPBACK, "--port", str(port), "--save", ""]
    url = f"redis://{LOOPBACK}:{port}/0"

    def ready() -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(url) as client:
            return bool(client.ping())
        return False

    with running("redis", [*command, "--dir", str(folder)], folder, ready):
        yield url
