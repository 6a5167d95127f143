"""Pods of a release: templates, Deployments, Services.

They are a start: a template of your own keeps its probes, volumes and resources. What counts for
the release are the labels, and what a controller is told.
"""

from collections.abc import Mapping

from colorfast.k8s import Json
from colorfast.release._model import Change
from colorfast.release.generate._site import Site, pods_of


def template(
    site: Site, change: Change, version: str, more: Mapping[str, str] | None = None
) -> Json:
    """The pods of *version*; *more* are labels besides those that they are found by."""
    service = change.service
    labels = pods_of(site.release, change, version) | dict(more or {})
    container = {
        "name": service.name,
        "image": change.image_of(version),
        "ports": [{"name": service.protocol, "containerPort": service.port}],
    }
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}


def deployment(
    site: Site, change: Change, *, name: str, pods: Json, selector: Mapping[str, str]
) -> Json:
    """A Deployment of *pods*, which *selector* tells from those of other Deployments."""
    namespace = change.service.namespace
    return site.manifest("apps/v1", "Deployment", name, namespace) | {
        "spec": {
            "replicas": change.replicas,
            "selector": {"matchLabels": dict(selector)},
            "template": pods,
        }
    }


def own_labels(change: Change) -> dict[str, str]:
    """What every pod of a service has, of whatever version and lane."""
    return dict(change.service.selector or (("app", change.name),))


def kept_labels(site: Site, change: Change) -> dict[str, str]:
    """What the pods of both versions have: a workload's selector can never be changed."""
    found = pods_of(site.release, change, change.old)
    return {key: value for key, value in found.items() if key != change.label}


def service(site: Site, change: Change, name: str, selector: Mapping[str, str]) -> Json:
    """A Service with the port of the one in the mesh."""
    port = {"name": change.service.protocol, "port": change.service.port, "protocol": "TCP"}
    return site.manifest("v1", "Service", name, change.service.namespace) | {
        "spec": {"selector": dict(selector), "ports": [port]}
    }
