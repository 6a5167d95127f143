"""Every rule, in the order of its code. docs/diagnostics.md has an entry for each."""

from typing import Final

from colorfast.k8s.lint import (
    _argo,
    _controllers,
    _dye,
    _ext_proc,
    _headers,
    _lanes,
    _policies,
    _routes,
)
from colorfast.k8s.lint._rule import Rule
from colorfast.policy import Codes

UNUSED: Final = "CF501"
"""A suppression that suppresses nothing."""

RULES: Final = (
    Rule(
        code="CF511",
        level="warning",
        title="lane header has another name here",
        check=_headers.same_lane_header,
        why="a header under another name is never there, so this never matches",
        fix="use one name in filters, routes and rollouts",
    ),
    Rule(
        code="CF512",
        level="error",
        title="Gateway is in another namespace",
        check=_routes.gateway_namespace,
        why="a name without a namespace is looked for in the VirtualService's own namespace",
        fix="write NAMESPACE/NAME",
    ),
    Rule(
        code="CF513",
        level="warning",
        title="Gateway is not there",
        check=_routes.gateway_exists,
        why="routes of a Gateway that does not exist are in no gateway's configuration",
        fix="correct the name, or give the file with the Gateway, too",
    ),
    Rule(
        code="CF514",
        level="warning",
        title="no route for requests without the header",
        check=_routes.has_default,
        why="a request that meets no route gets a 404",
        fix="add a last route without the header, to the baseline",
    ),
    Rule(
        code="CF515",
        level="warning",
        title="weights do not sum to 100",
        check=_routes.weights_are_whole,
        why="Istio takes them as proportions or refuses them, by version; a release controller "
        "counts on percent",
        fix="let them sum to 100",
    ),
    Rule(
        code="CF516",
        level="warning",
        title="route can never match",
        check=_routes.routes_are_reachable,
        why="the first route that matches is taken",
        fix="put the narrower route first",
    ),
    Rule(
        code="CF517",
        level="warning",
        title="regex takes other values than it seems to",
        check=_routes.regexes_are_anchored,
        why="the whole value has to match, and .* is anything: part of another name or lane, too",
        fix="use exact; in a cookie write ^(.*?;\\s*)?(name=value)(;.*)?$",
    ),
    Rule(
        code="CF521",
        level="error",
        title="baseline also selects a lane's pods",
        check=_lanes.baseline_is_apart,
        why="undyed requests reach the lane's version",
        fix="give the baseline's pods a label value of their own, and select by it",
    ),
    Rule(
        code="CF522",
        level="warning",
        title="baggage leaves the mesh",
        check=_lanes.baggage_stays_inside,
        why="lanes and whatever else is in baggage are nobody else's business",
        fix="route the host by a VirtualService with headers: {request: {remove: [baggage]}}, and "
        "remove the lane header, too",
    ),
    Rule(
        code="CF523",
        level="warning",
        title="order of lanes that a cluster does not keep",
        check=_policies.order_is_kept,
        why="an API server keeps no order of keys: who reads the object deals users other lanes "
        "than who reads the file",
        fix="write the lanes by name, the baseline last",
    ),
    Rule(
        code="CF531",
        level="error",
        title="route without a name of its own under Argo Rollouts",
        check=_argo.route_names_are_unique,
        why="Argo files routes by name: two with one name become 4, then 16, then 256, for good",
        fix="give every http route a name of its own",
    ),
    Rule(
        code="CF532",
        level="error",
        title="subset that Argo Rollouts deletes",
        check=_argo.no_foreign_subsets,
        why="Argo writes the DestinationRule anew with its canary and stable subset only, "
        "additionalSubsetNames or not",
        fix="put lane subsets into a DestinationRule of another host, or use canaryService and "
        "stableService",
    ),
    Rule(
        code="CF533",
        level="error",
        title="route that Argo Rollouts deletes",
        check=_argo.no_managed_names,
        why="Argo removes routes with managed names when it starts and when a release ends",
        fix="give your route another name",
    ),
    Rule(
        code="CF534",
        level="warning",
        title="two Rollouts on one VirtualService",
        check=_argo.one_rollout_each,
        why="a header route has no path: dyed requests of one service go to the other's canary",
        fix="write one VirtualService a service",
    ),
    Rule(
        code="CF535",
        level="error",
        title="header route without canary pods",
        check=_argo.header_route_has_pods,
        why="Argo removes managed routes at once when the canary has no available pod, and does "
        "not put them back: dyed requests get the stable version",
        fix="put setCanaryScale or setWeight before it, and a pause until the pods are there",
    ),
    Rule(
        code="CF536",
        level="error",
        title="matchTrafficWeight before setWeight",
        check=_argo.weight_comes_first,
        why="the weight is still 0, so the canary is scaled to 0, and its header route is removed",
        fix="put setWeight before it",
    ),
    Rule(
        code="CF537",
        level="warning",
        title="header route on one canary pod",
        check=_argo.header_route_has_spare_pod,
        why="when that pod is unready for a moment, Argo removes the route, and does not put it "
        "back",
        fix="setCanaryScale: {replicas: 2} or more, or a static lane route that Argo does not "
        "manage",
    ),
    Rule(
        code="CF538",
        level="error",
        title="destination that Argo Rollouts deletes",
        check=_argo.no_foreign_destinations,
        why="Argo keeps the canary and the stable destination of such a route, and no other",
        fix="give the lane a route of its own, with a name, above this one",
    ),
    Rule(
        code="CF541",
        level="error",
        title="trafficRoutingRef has no effect",
        check=_controllers.no_traffic_routing_ref,
        why="Kruise 0.6 ignores the field without a word: the release goes on without its lane",
        fix="use the annotation rollouts.kruise.io/trafficrouting",
    ),
    Rule(
        code="CF542",
        level="error",
        title="one TrafficRouting for several services",
        check=_controllers.one_service_each,
        why="only the first objectRef counts: the other service's lane leads to the first one",
        fix="write a TrafficRouting for each service",
    ),
    Rule(
        code="CF543",
        level="warning",
        title="VirtualService listed before the DestinationRule",
        check=_controllers.subsets_come_first,
        why="the route is written first, to a subset that is not there yet: requests get a 503",
        fix="list the DestinationRule first",
    ),
    Rule(
        code="CF544",
        level="error",
        title="VirtualService belongs to Flagger",
        check=_controllers.flagger_owns_its_routes,
        why="Flagger writes the whole object anew; a route of yours is gone within seconds",
        fix="put the routes into the Canary's service.match, or use another VirtualService that "
        "delegates to this one",
    ),
    Rule(
        code="CF551",
        level="error",
        title="Lua adds to the lane header",
        check=_dye.lua_replaces,
        why="the client's line comes first, and whoever reads one line reads that one",
        fix='use headers:replace("NAME", value)',
    ),
    Rule(
        code="CF552",
        level="warning",
        title="Lua never strips the client's lane",
        check=_dye.lua_strips,
        why="a client that sends the header chooses its lane where the script writes none",
        fix='start with headers:remove("NAME"), and do the same for its member of baggage',
    ),
    Rule(
        code="CF553",
        level="warning",
        title="dye filter is not first",
        check=_dye.dye_is_first,
        why="filters before it run with the undyed route's settings: a fault or a denial of the "
        "lane's route does not happen",
        fix="use operation: INSERT_FIRST",
    ),
    Rule(
        code="CF554",
        level="error",
        title="filter behind the router",
        check=_dye.not_behind_router,
        why="the router must be the last filter, so Envoy refuses the whole listener",
        fix="use INSERT_FIRST, or INSERT_BEFORE with the router as subFilter",
    ),
    Rule(
        code="CF555",
        level="error",
        title="targetRefs that Istio does not read",
        check=_dye.target_refs_are_read,
        why="EnvoyFilter's targetRefs are read since Istio 1.27",
        fix="use workloadSelector",
    ),
    Rule(
        code="CF561",
        level="warning",
        title="ext_proc fails closed",
        check=_ext_proc.fails_open,
        why="a request without its lane is better than none: the baseline has every service",
        fix="set failure_mode_allow: true",
    ),
    Rule(
        code="CF562",
        level="warning",
        title="ext_proc without a timeout",
        check=_ext_proc.has_timeout,
        why="Envoy's default is 200 ms a message; every request waits that long when the service "
        "hangs",
        fix="set message_timeout, such as 0.2s",
    ),
    Rule(
        code="CF563",
        level="warning",
        title="route is not picked again after the dye",
        check=_dye.route_is_picked_again,
        why="Envoy has picked a route before its filters run, by headers that the dye has changed",
        fix="set route_cache_action: CLEAR for ext_proc, and leave Lua's clear_route_cache alone",
    ),
    Rule(
        code="CF564",
        level="error",
        title="ext_proc cluster that is not there",
        check=_ext_proc.cluster_exists,
        why="Envoy takes such a filter, and every call to the service fails",
        fix="correct the name, or add the cluster by an EnvoyFilter with applyTo: CLUSTER",
    ),
)

CODES: Final[Codes] = {
    UNUSED: ("warning", "suppression without effect"),
    **{rule.code: (rule.level, rule.title) for rule in RULES},
}
