"""Plain Istio, without a controller: a Deployment a version, and ``kubectl apply`` in order."""

from collections.abc import Iterator

from colorfast.k8s import Json
from colorfast.release._model import Change
from colorfast.release._steps import Step
from colorfast.release.generate._routes import destination_rules, virtual_services
from colorfast.release.generate._site import Site, pods_of, versioned
from colorfast.release.generate._workloads import deployment, own_labels, service, template


def install(site: Site) -> Iterator[Json]:
    """What stands before the release: the old versions, and all that no step changes."""
    start = site.plan.routes_at(0)
    for change in site.release.changes:
        yield service(site, change, change.name, own_labels(change))
        yield of_version(site, change, change.old)
    yield from destination_rules(site, start)
    yield from virtual_services(site, start)


def pods(site: Site, step: Step) -> Iterator[Json]:
    """What a step with pods applies: a Deployment that goes is a command, not an object."""
    versions = {"deploy": True, "restore": False}
    for change in site.release.changes:
        if change.name in step.services and step.action in versions:
            yield of_version(site, change, change.new if versions[step.action] else change.old)


def of_version(site: Site, change: Change, version: str) -> Json:
    """The Deployment of one version, whose pods no other Deployment counts as its own."""
    return deployment(
        site,
        change,
        name=versioned(change.service, version),
        pods=template(site, change, version),
        selector=pods_of(site.release, change, version),
    )
