"""Write the CustomResourceDefinitions to a folder."""

import sys
from pathlib import Path

from colorfast.k8s._yaml import dump
from colorfast.k8s.crds import RESOURCES, crd


def main(folder: str = "k8s/crds") -> None:
    """One file a resource."""
    for resource in RESOURCES:
        path = Path(folder) / f"{resource.plural}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump([crd(resource)]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
