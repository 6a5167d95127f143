"""Objects as YAML for people: the same bytes every time, scripts as blocks."""

from collections.abc import Iterable

import yaml

from colorfast.k8s._objects import Json


class _Dumper(yaml.SafeDumper):
    """Without anchors, for an object is read by itself."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # A block cannot hold white space at the end of a line; PyYAML falls back to quotes then.
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(objects: Iterable[Json]) -> str:
    """One YAML document an object."""
    return "---\n".join(
        yaml.dump(each, Dumper=_Dumper, sort_keys=False, width=10_000) for each in objects
    )
