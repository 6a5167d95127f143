"""What every object that carries the Wasm plugin says about it."""

import json
from typing import Literal

from colorfast.envoy import Json
from colorfast.k8s.targets._options import TargetOptions
from colorfast.policy import Policy
from colorfast.wasm import plugin_config


def plugin(policy: Policy, options: TargetOptions) -> Json:
    """The plugin's configuration. Raises InvalidInput for a regex that it cannot run."""
    config: Json = json.loads(plugin_config(policy, options.placement.station))
    return config


def fail_strategy(policy: Policy, options: TargetOptions) -> Literal["FAIL_OPEN", "FAIL_CLOSE"]:
    """What becomes of requests when the plugin has died.

    Nothing else in the proxy would strip a client's lane, so an entrance that drops it closes.
    """
    strips = options.placement.station == "dye" and not policy.edge.accept.patterns
    return "FAIL_CLOSE" if strips else "FAIL_OPEN"
