"""Imported documents as text that our loader reads back as it was meant."""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import yaml

from colorfast.k8s.manifests import resolve

Json: TypeAlias = dict[str, Any]

_LINE: Final = 4096


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML could take for something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = isinstance(resolve(text, plain=True), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def dump(documents: Iterable[Json]) -> str:
    """One YAML document each, the same bytes every time."""
    return "---\n".join(
        yaml.dump(one, Dumper=_Dumper, sort_keys=False, width=_LINE, allow_unicode=True)
        for one in documents
    )
