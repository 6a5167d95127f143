"""``colorfast status``: which pods serve which policy, asked through a real API server."""

import json
import os
import subprocess
import sys
from typing import Any

from lab.kube._pods import policy, serving
from lab.kube._rig import Cluster, until

GOOD = {"default": "canary"}
BAD = {"rules": [{"name": "a", "match": [{"path": {"regex": "("}}], "lane": "canary"}]}


def status(cluster: Cluster, space: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "colorfast.cli", "status", f"{space}/shop", *options]
    return subprocess.run(
        command,
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def status_json(cluster: Cluster, space: str) -> tuple[int, dict[str, Any]]:
    done = status(cluster, space, "-o", "json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def states(shown: dict[str, Any]) -> list[str]:
    return [one["state"] for one in shown["seen"]]


def test_pods_that_serve_the_object_agree(defined: Cluster, space: str) -> None:
    (thing,) = defined.api.apply(policy(space, GOOD))
    with serving(defined, space) as one, serving(defined, space, "--workers", "2") as two:
        code, shown = status_json(defined, space)
        assert (code, shown["agrees"]) == (0, True)
        assert [(row["pod"], row["worker"]) for row in shown["seen"]] == [
            (one.name, None),
            (two.name, 0),
            (two.name, 1),
        ]
        assert {row["digest"] for row in shown["seen"]} == {shown["digest"]}
        assert shown["generation"] == thing["metadata"]["generation"]
        done = status(defined, space)
        assert done.returncode == 0
        head, *rows, last = done.stdout.splitlines()
        assert head == f"k8s://{space}/shop, generation 1: {shown['digest']}"
        assert rows[0].split() == ["POD", "WORKER", "DIGEST", "GENERATION", "STATE"]
        assert rows[1].split() == [one.name, shown["digest"], "1", "same"]
        assert last == "3 of 3 serve it"


def test_a_pod_that_is_behind_differs(defined: Cluster, space: str) -> None:
    defined.api.apply(policy(space, GOOD))
    with serving(defined, space) as pod, serving(defined, space) as dead:
        dead.stop()
        defined.api.apply(policy(space, BAD))
        until(lambda: pod.shown()["lastRefusal"], "it is refused")
        code, shown = status_json(defined, space)
        assert (code, shown["digest"]) == (1, None)
        assert shown["problem"].startswith("CF205: spec.rules[0]")
        assert states(shown) == ["differs", "silent"]
        assert shown["seen"][0]["why"].startswith("CF205")
        assert shown["seen"][0]["generation"] == 1


def test_a_pod_of_an_object_that_is_gone_differs(defined: Cluster, space: str) -> None:
    defined.api.apply(policy(space, GOOD))
    with serving(defined, space) as pod:
        defined.api.delete(defined.api.path(policy(space, GOOD)))
        until(lambda: pod.shown()["lastRefusal"], "it is gone")
        code, shown = status_json(defined, space)
        assert (code, states(shown), shown["generation"]) == (1, ["differs"], None)
        assert shown["problem"].startswith("CF630")


def test_nobody_serves_it(defined: Cluster, space: str) -> None:
    defined.api.apply(policy(space, GOOD))
    done = status(defined, space)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "nobody serves it")


def test_pods_of_another_policy_do_not_count(defined: Cluster, space: str) -> None:
    defined.api.apply(policy(space, GOOD))
    with serving(defined, space):
        command = ["--pods-in", space]
        done = status(defined, "default", *command)
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == "nobody serves it; serving something else: 1"


def test_who_may_not_ask_is_told(defined: Cluster, space: str) -> None:
    config = defined.kubeconfig(defined.token(space, "colorfast"))
    command = [sys.executable, "-m", "colorfast.cli", "status", f"{space}/shop"]
    env = {**os.environ, "KUBECONFIG": str(config)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "CF631" in done.stderr
    assert "403" in done.stderr
