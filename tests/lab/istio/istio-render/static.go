package main

import (
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/xds/filters"
)

// makeStatic turns a rendering into what a stock Envoy can be started with: routes, endpoints and
// extensions stand where they are used, what only Istio's Envoy has is gone, and so is TLS, for
// there is nobody to give certificates. What iptables tell a sidecar's listener, the address that
// a connection was meant for, a PROXY header tells it here.
func (r *rendering) makeStatic() error {
	for _, l := range r.listeners {
		if l.Name == model.VirtualInboundListenerName || l.Name == model.VirtualOutboundListenerName {
			l.ListenerFilters = toldByProxyHeader(l.ListenerFilters)
		}
		l.FilterChains = withoutTLS(l)
		for _, chain := range chainsOf(l) {
			chain.Filters = withoutAliens(chain.Filters, func(f *listener.Filter) *anypb.Any { return f.GetTypedConfig() })
		}
		var failed error
		eachManager(l, func(_ *listener.FilterChain, f *listener.Filter, manager *hcm.HttpConnectionManager) {
			r.inline(manager)
			config, err := anypb.New(manager)
			if err != nil {
				failed = err
			}
			f.ConfigType = &listener.Filter_TypedConfig{TypedConfig: config}
		})
		if failed != nil {
			return failed
		}
	}
	for _, c := range r.clusters {
		r.inlineEndpoints(c)
		c.TransportSocket, c.TransportSocketMatches = nil, nil
		c.Filters = withoutAliens(c.Filters, (*cluster.Filter).GetTypedConfig)
	}
	r.routes, r.endpoints, r.extensions = nil, nil, nil
	return nil
}

func toldByProxyHeader(given []*listener.ListenerFilter) []*listener.ListenerFilter {
	out := []*listener.ListenerFilter{filters.ProxyProtocol}
	for _, f := range given {
		if f.Name != filters.OriginalDestination.Name {
			out = append(out, f)
		}
	}
	return out
}

// withoutTLS drops a sidecar's chains for mutual TLS, whose plain twins stay; a gateway's chain
// loses its TLS.
func withoutTLS(l *listener.Listener) []*listener.FilterChain {
	var out []*listener.FilterChain
	for _, chain := range l.FilterChains {
		if chain.TransportSocket != nil && l.TrafficDirection == core.TrafficDirection_INBOUND {
			continue
		}
		if chain.TransportSocket != nil {
			chain.TransportSocket, chain.FilterChainMatch = nil, nil
		}
		out = append(out, chain)
	}
	return out
}

func (r *rendering) inline(manager *hcm.HttpConnectionManager) {
	if name := manager.GetRds().GetRouteConfigName(); name != "" {
		for _, routes := range r.routes {
			if routes.Name == name {
				manager.RouteSpecifier = &hcm.HttpConnectionManager_RouteConfig{RouteConfig: routes}
			}
		}
	}
	for _, f := range manager.HttpFilters {
		if f.GetConfigDiscovery() == nil {
			continue
		}
		for _, extension := range r.extensions {
			if extension.Name == f.Name {
				f.ConfigType = &hcm.HttpFilter_TypedConfig{TypedConfig: extension.TypedConfig}
			}
		}
	}
	manager.HttpFilters = withoutAliens(manager.HttpFilters, (*hcm.HttpFilter).GetTypedConfig)
}

func (r *rendering) inlineEndpoints(c *cluster.Cluster) {
	if c.GetType() != cluster.Cluster_EDS {
		return
	}
	name := c.Name
	if c.EdsClusterConfig.GetServiceName() != "" {
		name = c.EdsClusterConfig.ServiceName
	}
	c.ClusterDiscoveryType = &cluster.Cluster_Type{Type: cluster.Cluster_STATIC}
	c.EdsClusterConfig = nil
	c.LoadAssignment = &endpoint.ClusterLoadAssignment{ClusterName: name}
	for _, assignment := range r.endpoints {
		if assignment.ClusterName == name {
			c.LoadAssignment = assignment
		}
	}
}
