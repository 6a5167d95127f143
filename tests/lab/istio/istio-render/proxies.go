package main

import (
	"fmt"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/istio/pilot/pkg/model"
)

// way is the direction of the listeners that are asked for; a gateway and a waypoint have them all.
type way struct {
	kind      model.NodeType
	direction core.TrafficDirection
	all       bool
}

var ways = map[string]way{
	"gateway":          {kind: model.Router, all: true},
	"waypoint":         {kind: model.Waypoint, all: true},
	"sidecar-inbound":  {kind: model.SidecarProxy, direction: core.TrafficDirection_INBOUND},
	"sidecar-outbound": {kind: model.SidecarProxy, direction: core.TrafficDirection_OUTBOUND},
}

func kinds() string { return "gateway, sidecar-inbound, sidecar-outbound, waypoint" }

// proxy runs in a Deployment's first pod.
type proxy struct {
	text      string // as it was asked for
	way       way
	namespace string
	pod       string
	version   string
}

func parseProxy(text, version string) (proxy, error) {
	kind, at, _ := strings.Cut(text, ":")
	namespace, name, ok := strings.Cut(at, "/")
	w, known := ways[kind]
	if !ok || !known {
		return proxy{}, fmt.Errorf("-proxy %s: not KIND:NAMESPACE/DEPLOYMENT, KIND one of %s", text, kinds())
	}
	return proxy{text: text, way: w, namespace: namespace, pod: podName(name, 0), version: version}, nil
}

// node is how the proxy presents itself to the control plane.
func (p proxy) node(objects []runtime.Object) (*model.Proxy, error) {
	for _, o := range objects {
		pod, ok := o.(*corev1.Pod)
		if !ok || pod.Namespace != p.namespace || pod.Name != p.pod {
			continue
		}
		return &model.Proxy{
			Type:            p.way.kind,
			ID:              p.pod + "." + p.namespace,
			ConfigNamespace: p.namespace,
			Labels:          pod.Labels,
			IPAddresses:     []string{pod.Status.PodIP},
			Metadata: &model.NodeMetadata{
				Namespace: p.namespace, Labels: pod.Labels, IstioVersion: p.version, ClusterID: "Kubernetes",
			},
		}, nil
	}
	return nil, fmt.Errorf("-proxy %s: there is no such Deployment", p.text)
}
