package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// populate adds what Kubernetes would make of Deployments and Services: ready pods, virtual IPs,
// EndpointSlices. Addresses follow from the order of the objects.
func populate(objects []runtime.Object) []runtime.Object {
	var pods []*corev1.Pod
	var services []*corev1.Service
	var out []runtime.Object
	for _, o := range objects {
		switch o := o.DeepCopyObject().(type) {
		case *appsv1.Deployment:
			pods = append(pods, podsOf(o, len(pods))...)
		case *corev1.Service:
			if o.Spec.ClusterIP == "" {
				o.Spec.ClusterIP = fmt.Sprintf("10.96.%d.%d", len(services)/250, len(services)%250+1)
			}
			services = append(services, o)
			out = append(out, o)
		default:
			out = append(out, o)
		}
	}
	for _, p := range pods {
		out = append(out, p)
	}
	for _, s := range services {
		if len(s.Spec.Selector) > 0 {
			out = append(out, endpoints(s, pods))
		}
	}
	return out
}

func podName(deployment string, n int32) string { return fmt.Sprintf("%s-%d", deployment, n) }

func podsOf(d *appsv1.Deployment, before int) []*corev1.Pod {
	replicas := int32(1)
	if d.Spec.Replicas != nil {
		replicas = *d.Spec.Replicas
	}
	var pods []*corev1.Pod
	for n := range replicas {
		address := before + int(n)
		ip := fmt.Sprintf("10.244.%d.%d", address/250, address%250+1)
		spec := d.Spec.Template.Spec
		spec.NodeName, spec.ServiceAccountName = "node", "default"
		pods = append(pods, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name: podName(d.Name, n), Namespace: d.Namespace, Labels: d.Spec.Template.Labels,
			},
			Spec: spec,
			Status: corev1.PodStatus{
				PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}, Phase: corev1.PodRunning,
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			},
		})
	}
	return pods
}

func endpoints(s *corev1.Service, pods []*corev1.Pod) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		AddressType: discoveryv1.AddressTypeIPv4,
		ObjectMeta: metav1.ObjectMeta{
			Name: s.Name + "-0", Namespace: s.Namespace,
			Labels: map[string]string{discoveryv1.LabelServiceName: s.Name},
		},
	}
	ready := true
	for _, p := range pods {
		if p.Namespace == s.Namespace && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(p.Labels)) {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses:  []string{p.Status.PodIP},
				Conditions: discoveryv1.EndpointConditions{Ready: &ready},
				TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: p.Name, Namespace: p.Namespace},
			})
		}
	}
	for i := range s.Spec.Ports {
		port := &s.Spec.Ports[i]
		number := port.TargetPort.IntVal
		if number == 0 {
			number = port.Port
		}
		port.TargetPort = intstr.FromInt32(number)
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{
			Name: &port.Name, Port: &number, Protocol: &port.Protocol, AppProtocol: port.AppProtocol,
		})
	}
	return slice
}
