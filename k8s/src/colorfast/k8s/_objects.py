"""Kubernetes objects as plain data, all labelled alike."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

MANAGED_BY = "colorfast"
"""Value of ``app.kubernetes.io/managed-by``: by it a rebuild knows which files are its own."""

POLICY_DIGEST = "colorfast.dev/policy-digest"
"""Annotation with the digest of the policy that an object was made from."""

_SLUG = 63
"""Characters of the longest DNS label (RFC 1123)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What objects are made from."""

    part_of: str
    """Name of the mesh or the policy."""
    digest: str
    """Of the policy."""

    def manifest(
        self, api_version: str, kind: str, name: str, namespace: str | None, component: str
    ) -> Json:
        """An object without its content. Without *namespace*: wherever it is applied."""
        metadata: Json = {"name": name}
        if namespace is not None:
            metadata["namespace"] = namespace
        metadata["labels"] = {
            "app.kubernetes.io/name": "colorfast",
            "app.kubernetes.io/component": component,
            "app.kubernetes.io/part-of": self.part_of,
            "app.kubernetes.io/managed-by": MANAGED_BY,
        }
        metadata["annotations"] = {POLICY_DIGEST: self.digest}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def slug(name: str) -> str:
    """*name* as a DNS label: itself when it is one, else mended and made unique by a hash.

    Lane names may have dots and underscores, and be as long as a label; subsets and Services
    may not have the first and have to leave room for a prefix.
    """
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= _SLUG:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    mended = re.sub(r"[^a-z0-9-]+", "-", name.lower())[: _SLUG - len(digest) - 1]
    return f"{mended.strip('-')}-{digest}"
