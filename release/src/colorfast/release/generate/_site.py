"""What every generated object follows from, and what things are called."""

from dataclasses import dataclass

from colorfast.k8s import Json, Origin, slug
from colorfast.policy import Service
from colorfast.release._model import Change, Release
from colorfast.release._steps import Plan

COMPONENT = "lane-release"

LANE_LABEL = "colorfast.dev/lane"
"""Label of pods whose lane a controller moves (Argo Rollouts)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A release, and the plan that its objects are for."""

    release: Release
    plan: Plan

    def manifest(self, api_version: str, kind: str, name: str, namespace: str | None) -> Json:
        """An object without its content."""
        origin = Origin(part_of=self.release.name, digest=self.release.policy.digest)
        return origin.manifest(api_version, kind, name, namespace, COMPONENT)

    @property
    def lane(self) -> str:
        """The lane of a locked release."""
        assert self.release.lane is not None  # noqa: S101 (valid by construction: locked)
        return self.release.lane

    @property
    def locked(self) -> bool:
        """Whether the versions belong together."""
        return self.release.pattern == "locked"


def versioned(service: Service, version: str) -> str:
    """The name of an object that is about one version of a service."""
    return slug(f"{service.name}-{version}")


def aside(change: Change) -> str:
    """The host that nobody calls, for a controller that has to have routes of its own."""
    return slug(f"{change.name}-rollout")


def labels_of(release: Release, change: Change, version: str) -> dict[str, str]:
    """The labels that tell *version*'s pods from all others of the service."""
    return dict(change.service.labels_of(release.policy.baseline)) | {change.label: version}


def pods_of(release: Release, change: Change, version: str) -> dict[str, str]:
    """Every label by which the pods of *version* are found."""
    service = change.service
    return dict(service.selector or (("app", service.name),)) | labels_of(release, change, version)


def unsent(site: Site) -> list[str]:
    """What the release's split reads and the policy before it does not.

    Filters of Envoy send what the policy reads that they are built from, and they do not change
    during a release.
    """
    sticky, known = site.release.sticky, site.release.policy.reads()
    return [str(one) for one in sticky.by if one not in known] if sticky else []
