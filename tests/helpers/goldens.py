"""What golden tests share: data as text, and a real Envoy that looks at a chain."""

from collections.abc import Iterable

import yaml

from colorfast.envoy import Chain, Json, bootstrap
from helpers.envoys import validate


def as_text(data: object) -> str:
    """*data* as YAML for people: in order, no anchors, no folded lines."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    text: str = yaml.dump(data, Dumper=Plain, sort_keys=False, width=10_000)
    return text


def assert_taken(chain: Chain, *, clusters: Iterable[Json] = (), program_size: int = 0) -> None:
    """Envoy takes a listener with *chain*, its RE2 programs having *program_size* at most.

    0 leaves Envoy's default.
    """
    hosts = [bootstrap.virtual_host("all", [bootstrap.route("all", "up")])]
    manager = bootstrap.connection_manager("all", hosts, chain)
    config = bootstrap.bootstrap(
        admin="unix:/tmp/never-opened",
        listeners=[bootstrap.listener("all", "127.0.0.1:0", manager)],
        clusters=[bootstrap.cluster("up", "127.0.0.1:1"), *clusters],
    )
    if program_size:
        limit = {"re2.max_program_size.error_level": program_size}
        config |= {"layered_runtime": {"layers": [{"name": "x", "static_layer": limit}]}}
    validate(config)
