"""The real OpenKruise Rollouts controller, with its webhooks and our scripts."""

import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import yaml
from brokers.process import free_ports, running
from lab.kube import build
from lab.kube._api import Json
from lab.kube._play import Phase
from lab.kube._record import State, Watches
from lab.kube._rig import Cluster, until

import colorfast.release.generate
from colorfast.release import Change, Controller

_CONVERTED: Final = ("rollouts", "batchreleases")
"""Kinds that have two versions, between which the controller converts."""

_PATIENCE: Final = 5.0
"""Seconds after which somebody who has typed something looks whether it has happened."""

_STALE: Final = 2.0
"""Seconds in which it may still write what it has read before, which takes an approval back."""

_TRIES: Final = 12

_UNDER_WAY: Final[tuple[Phase, ...]] = ("beginning", "moving")
"""Phases in which nothing that is typed is taken."""

_WORKERS: Final = ("rollout", "batchrelease", "trafficrouting")
"""What works on more than three releases at a time only when it is told to."""

_SCRIPTS: Final = {
    "DestinationRule": "destination_rule.lua",
    "VirtualService": "virtual_service.lua",
}


class Kruise:
    """The controller: it can be stopped, and started again."""

    name: Controller = "kruise"

    def __init__(self, cluster: Cluster, source: Path) -> None:
        self._cluster = cluster
        self._webhook, self._metrics, self._health = free_ports(3)
        self._running: Any = None
        self._process: Any = None
        cluster.define(*_definitions(source, self._webhook))
        cluster.api.apply(*_webhooks(source))
        _mount_scripts(source, cluster.folder)

    def start(self) -> None:
        """Start it, at the address where it was before: the definitions name it."""
        flags = {
            "kubeconfig": str(self._cluster.quiet_kubeconfig()),
            "metrics-bind-address": f"127.0.0.1:{self._metrics}",
            "health-probe-bind-address": f"127.0.0.1:{self._health}",
        } | {f"{one}-workers": "40" for one in _WORKERS}
        env = {
            "WEBHOOK_HOST": "127.0.0.1",
            "WEBHOOK_PORT": str(self._webhook),
            "WEBHOOK_CERT_DIR": str(self._cluster.folder / "kruise"),
            "POD_NAMESPACE": "kruise-rollout",
        }
        command = [str(build.binary("kruise-rollouts")), *(f"--{a}={b}" for a, b in flags.items())]
        self._running = running(
            "kruise-rollouts", command, self._cluster.folder, self._is_ready, env=env
        )
        self._process = self._running.__enter__()

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        running, self._running = self._running, None
        if running is not None:
            self._process.kill()
            running.__exit__(None, None, None)

    def restart(self) -> None:
        """End it, and start it again."""
        self.stop()
        self.start()

    def command(self, line: str) -> None:
        """``kubectl patch ... --subresource status --type merge``: what it sends, at a pause."""
        typed = re.fullmatch(
            r"kubectl patch rollouts\.rollouts\.kruise\.io -n (\S+) (\S+)"
            r" --subresource status --type merge -p '(.*)'",
            line,
        )
        assert typed is not None, line
        namespace, name, patch = typed.groups()
        path = _path(namespace, name)
        # A person is slower than the three seconds that it waits for proxies.
        until(lambda: _phase(self._cluster.api.get(path)) not in _UNDER_WAY, f"{name} waits")
        before = self._cluster.api.get(path)
        # What is typed while it writes its own status is lost: then it is typed again.
        for _ in range(_TRIES):
            self._cluster.api.patch(f"{path}/status", yaml.safe_load(patch))
            with suppress(AssertionError):
                until(lambda: self._went_on(path, before), f"{name} goes on", within=_PATIENCE)
                if self._stays(path, before):
                    return
        raise AssertionError(f"{name} does not go on: {line}")

    def _went_on(self, path: str, before: Json) -> bool:
        """Whether something has come of an approval; of one that nothing waited for nothing does."""
        was, now = before["status"], self._cluster.api.get(path)["status"]
        if "Progressing" not in (was["phase"], now["phase"]) or was["phase"] != now["phase"]:
            return True
        before_step, step = was["canaryStatus"], now["canaryStatus"]
        is_later = step["currentStepIndex"] != before_step["currentStepIndex"]
        return is_later or step["currentStepState"] not in ("StepPaused", "StepReady")

    def _stays(self, path: str, before: Json) -> bool:
        """Whether it does not go back to where it was."""
        try:
            until(lambda: not self._went_on(path, before), f"{path} goes back", within=_STALE)
        except AssertionError:
            return True
        return False

    def phase(self, state: State, change: Change) -> Phase:
        """What the controller says of what is applied now."""
        return _phase(state.of("Rollout")[change.service.namespace, change.name])

    def knows(self, state: State, change: Change) -> bool:
        """It does not say."""
        return True

    def abort(self, change: Change) -> None:
        """It has no abort but the old image, which is a step of the rollback."""
        raise NotImplementedError

    def retry(self, change: Change) -> None:
        """As nothing is aborted, nothing is tried again."""
        raise NotImplementedError

    def _is_ready(self) -> bool:
        url = f"http://127.0.0.1:{self._health}/readyz"
        with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def running_kruise(cluster: Cluster, watches: Watches) -> Iterator[Kruise]:
    """The controller until the block ends, with its kinds and webhooks."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kruise-rollout"}}
    cluster.api.apply(space)
    kruise = Kruise(cluster, build.module("kruise", build.KRUISE))
    watches.add("Rollout", "/apis/rollouts.kruise.io/v1beta1/rollouts")
    kruise.start()
    try:
        yield kruise
    finally:
        kruise.stop()


def _mount_scripts(source: Path, folder: Path) -> None:
    """Where it looks for scripts, ours in the places of its own, as docs/release.md says."""
    shutil.copytree(source / "lua_configuration", folder / "lua_configuration")
    ours = Path(colorfast.release.generate.__file__).parent / "lua"
    for kind, name in _SCRIPTS.items():
        place = folder / "lua_configuration" / "networking.istio.io" / kind
        place.chmod(0o755)
        script = place / "trafficRouting.lua"
        script.chmod(0o644)
        script.write_text((ours / name).read_text())


def _definitions(source: Path, webhook: int) -> Iterator[Json]:
    for file in sorted((source / "config" / "crd" / "bases").glob("*.yaml")):
        for one in yaml.safe_load_all(file.read_text()):
            one["metadata"].pop("creationTimestamp", None)
            one.pop("status", None)
            if one["metadata"]["name"].split(".")[0] in _CONVERTED:
                client = {"url": f"https://127.0.0.1:{webhook}/convert"}
                versions = ["v1", "v1beta1"]
                converting = {"conversionReviewVersions": versions, "clientConfig": client}
                one["spec"]["conversion"] = {"strategy": "Webhook", "webhook": converting}
            yield one


def _webhooks(source: Path) -> Iterator[Json]:
    """What kustomize makes of the controller's own configuration."""
    folder = source / "config" / "webhook"
    patches: dict[str, dict[str, Any]] = {}
    for patch in yaml.safe_load_all((folder / "patch_manifests.yaml").read_text()):
        patches[patch["kind"]] = {one["name"]: one for one in patch["webhooks"]}
    for one in yaml.safe_load_all((folder / "manifests.yaml").read_text()):
        name = f"kruise-rollout-{one['metadata']['name']}"
        own = patches.get(one["kind"], {})
        hooks = [{**hook, **own.get(hook["name"], {})} for hook in one["webhooks"]]
        yield {**one, "metadata": {"name": name}, "webhooks": hooks}


def _phase(rollout: Json) -> Phase:
    status = rollout["status"]
    if status["phase"] == "Progressing":
        if any(one.get("reason") == "Initializing" for one in status.get("conditions", ())):
            return "beginning"
        paused = status.get("canaryStatus", {}).get("currentStepState") == "StepPaused"
        return "waiting" if paused else "moving"
    return "idle" if status["phase"] == "Healthy" else "moving"


def _path(namespace: str, name: str) -> str:
    return f"/apis/rollouts.kruise.io/v1beta1/namespaces/{namespace}/rollouts/{name}"
