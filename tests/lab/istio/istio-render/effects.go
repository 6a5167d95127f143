package main

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/test"
)

// printEffects says which proxies get something else without each object that selector selects,
// and without each patch of an EnvoyFilter. A patch that matches nothing is silent in Istio.
func printEffects(m *manifests, mesh *meshconfig.MeshConfig, proxies []proxy, selector string) error {
	wanted, err := labels.Parse(selector)
	if err != nil {
		return err
	}
	out := map[string][]string{}
	err = test.Wrap(func(t test.Failer) {
		whole := digests(t, m, mesh, proxies)
		for name, less := range m.variants(wanted) {
			out[name] = []string{}
			if err := test.Wrap(func(t test.Failer) {
				for i, digest := range digests(t, less, mesh, proxies) {
					if digest != whole[i] {
						out[name] = append(out[name], proxies[i].text)
					}
				}
			}); err != nil {
				t.Fatalf("without %s: %v", name, err)
			}
		}
	})
	if err != nil {
		return err
	}
	return printJSON(out)
}

func digests(t test.Failer, m *manifests, mesh *meshconfig.MeshConfig, proxies []proxy) []string {
	var out []string
	for _, r := range render(t, m, mesh, proxies) {
		digest, err := r.digest()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, digest)
	}
	return out
}

// variants are m without one thing, by the name of that thing.
func (m *manifests) variants(wanted labels.Selector) map[string]*manifests {
	out := map[string]*manifests{}
	for i, c := range m.configs {
		if !wanted.Matches(labels.Set(c.Labels)) {
			continue
		}
		name := nameOf(c)
		patched, ok := c.Spec.(*networking.EnvoyFilter)
		if !ok {
			out[name] = m.without(name)
			continue
		}
		for n := range patched.ConfigPatches {
			less := proto.Clone(patched).(*networking.EnvoyFilter)
			less.ConfigPatches = slices.Delete(less.ConfigPatches, n, n+1)
			configs := slices.Clone(m.configs)
			configs[i].Spec = less
			out[fmt.Sprintf("%s patch %d", name, n)] = &manifests{configs: configs, objects: m.objects}
		}
	}
	for _, o := range m.objects {
		if accessor, err := meta.Accessor(o); err == nil && wanted.Matches(labels.Set(accessor.GetLabels())) {
			out[nameOfObject(o)] = m.without(nameOfObject(o))
		}
	}
	return out
}

// without drops what has the name; a ServiceEntry may be in both places.
func (m *manifests) without(name string) *manifests {
	return &manifests{
		configs: slices.DeleteFunc(slices.Clone(m.configs), func(c config.Config) bool { return nameOf(c) == name }),
		objects: slices.DeleteFunc(slices.Clone(m.objects), func(o runtime.Object) bool { return nameOfObject(o) == name }),
	}
}

func nameOf(c config.Config) string {
	return fmt.Sprintf("%s %s/%s", c.GroupVersionKind.Kind, c.Namespace, c.Name)
}

func nameOfObject(o runtime.Object) string {
	accessor, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %s/%s", o.GetObjectKind().GroupVersionKind().Kind, accessor.GetNamespace(), accessor.GetName())
}
