"""Celery: tasks run in the lane of who sent them, and each lane's workers have a queue of theirs.

    pip install colorfast 'celery[redis]'
    export REDIS=redis://127.0.0.1:6379/0
    echo canary > /tmp/live; export LIVE=/tmp/live      # the lanes that have workers
    celery -A celery_tasks worker -n base@%h &          # the baseline
    celery -A celery_tasks worker -n canary@%h -Q celery.canary &
    python celery_tasks.py canary                       # ['canary', 'canary', 'canary@...']
    python celery_tasks.py                              # [None, None, 'base@...']

Workers and clients look at the list of live lanes again when it changes.
"""

import os
import sys

from celery import Celery, chain, current_task

from colorfast.propagator import lane
from colorfast.propagator.messaging import FileLanes
from colorfast.propagator.messaging import celery as lanes

app = Celery("shop", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.task_routes = (lanes.Router(live=FileLanes(os.environ["LIVE"])),)
lanes.install()


@app.task(name="pack")
def pack() -> list[str | None]:
    return [lane.current()]


@app.task(name="ship")
def ship(before: list[str | None]) -> list[str | None]:
    return [*before, lane.current(), current_task.request.hostname]


if __name__ == "__main__":
    with lane.use(sys.argv[1] if sys.argv[1:] else None):  # a request would have brought it
        print(chain(pack.s(), ship.s())().get(timeout=30))
