package main

import (
	"fmt"
	"os"
	"slices"
	"sort"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/test"
)

// rendering is all that one proxy is sent.
type rendering struct {
	proxy      string
	listeners  []*listener.Listener
	routes     []*route.RouteConfiguration
	clusters   []*cluster.Cluster
	endpoints  []*endpoint.ClusterLoadAssignment
	extensions []*core.TypedExtensionConfig
}

func meshConfig(file string) (*meshconfig.MeshConfig, error) {
	config := mesh.DefaultMeshConfig()
	if file == "" {
		return config, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config, err = mesh.ApplyMeshConfig(string(raw), config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return config, nil
}

func render(t test.Failer, m *manifests, mesh *meshconfig.MeshConfig, proxies []proxy) []*rendering {
	objects := populate(m.objects)
	server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		Configs: m.configs, KubernetesObjects: objects, MeshConfig: mesh,
	})
	var out []*rendering
	for _, p := range proxies {
		node, err := p.node(objects)
		if err != nil {
			t.Fatal(err)
		}
		r := ask(server, server.SetupProxy(node), p.way)
		r.proxy = p.text
		out = append(out, r)
	}
	return out
}

// ask puts resources in the order of their names: among themselves they have none, and the engine
// gives them as objects came in.
func ask(server *xds.FakeDiscoveryServer, node *model.Proxy, w way) *rendering {
	r := &rendering{clusters: server.Clusters(node), endpoints: server.Endpoints(node)}
	for _, l := range server.Listeners(node) {
		if w.all || l.TrafficDirection == w.direction {
			r.listeners = append(r.listeners, l)
		}
	}
	r.routes = server.RoutesFromListeners(node, r.listeners)
	r.extensions = server.ConfigGen.BuildExtensionConfiguration(node, server.PushContext(), discovered(r.listeners), nil)
	byName(r.listeners, (*listener.Listener).GetName)
	byName(r.routes, (*route.RouteConfiguration).GetName)
	byName(r.clusters, (*cluster.Cluster).GetName)
	byName(r.endpoints, (*endpoint.ClusterLoadAssignment).GetClusterName)
	byName(r.extensions, (*core.TypedExtensionConfig).GetName)
	return r
}

func byName[T any](all []T, name func(T) string) {
	sort.SliceStable(all, func(i, j int) bool { return name(all[i]) < name(all[j]) })
}

// discovered names the filters whose configuration comes by ECDS: Wasm plugins.
func discovered(listeners []*listener.Listener) []string {
	var names []string
	for _, l := range listeners {
		eachManager(l, func(_ *listener.FilterChain, _ *listener.Filter, manager *hcm.HttpConnectionManager) {
			for _, f := range manager.HttpFilters {
				if f.GetConfigDiscovery() != nil && !slices.Contains(names, f.Name) {
					names = append(names, f.Name)
				}
			}
		})
	}
	return names
}

func chainsOf(l *listener.Listener) []*listener.FilterChain {
	if l.DefaultFilterChain == nil {
		return l.FilterChains
	}
	return append(append([]*listener.FilterChain{}, l.FilterChains...), l.DefaultFilterChain)
}

// eachManager calls visit with a copy of each HTTP connection manager of l.
func eachManager(l *listener.Listener, visit func(*listener.FilterChain, *listener.Filter, *hcm.HttpConnectionManager)) {
	for _, chain := range chainsOf(l) {
		for _, f := range chain.Filters {
			manager := &hcm.HttpConnectionManager{}
			if f.GetTypedConfig().UnmarshalTo(manager) == nil {
				visit(chain, f, manager)
			}
		}
	}
}
