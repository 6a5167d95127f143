"""What importing costs: no client of a broker, whatever module is asked for."""

import subprocess
import sys

import pytest

CLIENTS = {"aio_pika", "aiokafka", "celery", "confluent_kafka", "kafka", "kombu", "pika", "redis"}


@pytest.mark.parametrize("module", ["kafka", "amqp", "celery", "_polled"])
def test_no_client_is_imported(module: str) -> None:
    code = f"import sys, colorfast.propagator.messaging.{module}; print(*sys.modules)"
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert CLIENTS & set(done.stdout.split()) == set()
