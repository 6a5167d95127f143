package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/kube"
)

// manifests are objects as a cluster has them: Istio's own in its config store, the others,
// Gateway API included, in Kubernetes.
type manifests struct {
	configs []config.Config
	objects []runtime.Object
}

// created makes an order in time of the order in the files: where two objects compete, Istio
// prefers the older one.
func created(n int) time.Time { return time.Unix(int64(1700000000+n), 0).UTC() }

func load(files []string, r rules) (*manifests, error) {
	m := &manifests{}
	var wrong []error
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, m.read(f, name, r)...)
		f.Close()
	}
	return m, errors.Join(wrong...)
}

func (m *manifests) read(from io.Reader, name string, r rules) (wrong []error) {
	for documents := kubeyaml.NewYAMLReader(bufio.NewReader(from)); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return wrong
		}
		u := &unstructured.Unstructured{}
		if err == nil {
			document, err = yaml.YAMLToJSONStrict(document)
		}
		if err == nil && string(document) != "null" {
			if err = u.UnmarshalJSON(document); err == nil {
				err = m.add(u, r)
			}
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("INVALID %s: %s %s/%s: %w", name, u.GetKind(), u.GetNamespace(), u.GetName(), err))
		}
	}
}

func (m *manifests) add(u *unstructured.Unstructured, r rules) error {
	if err := r.admit(u); err != nil {
		return err
	}
	group, _, _ := strings.Cut(u.GetAPIVersion(), "/")
	if !strings.HasSuffix(group, ".istio.io") {
		return m.addObject(u)
	}
	if err := m.addConfig(u); err != nil {
		return err
	}
	if features.EnableAmbient && u.GetKind() == "ServiceEntry" {
		return m.addObject(u) // the ambient index of the engine in a process looks for it in Kubernetes
	}
	return nil
}

// addConfig validates as Istio's webhook does.
func (m *manifests) addConfig(u *unstructured.Unstructured) error {
	gvk := u.GroupVersionKind()
	known, ok := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&gvk))
	if !ok {
		return errors.New("this Istio does not know the kind")
	}
	raw, err := yaml.Marshal(u.Object)
	if err != nil {
		return err
	}
	kind := crd.IstioKind{}
	if err := yaml.UnmarshalStrict(raw, &kind); err != nil {
		return err
	}
	c, err := crd.ConvertObject(known, &kind, "cluster.local")
	if err != nil {
		return err
	}
	warning, err := known.ValidateConfig(*c)
	if warning != nil {
		fmt.Fprintf(os.Stderr, "WARNING %s %s/%s: %v\n", c.GroupVersionKind.Kind, c.Namespace, c.Name, warning)
	}
	c.CreationTimestamp = created(len(m.configs))
	c.ResourceVersion = "1" // it shows in Wasm filters
	m.configs = append(m.configs, *c)
	return err
}

func (m *manifests) addObject(u *unstructured.Unstructured) error {
	raw, err := u.MarshalJSON()
	if err != nil {
		return err
	}
	o, _, err := kube.IstioCodec.UniversalDeserializer().Decode(raw, nil, nil)
	if err != nil {
		return err
	}
	accessor, err := meta.Accessor(o)
	if err != nil {
		return err
	}
	accessor.SetCreationTimestamp(metav1.Time{Time: created(len(m.objects))})
	m.objects = append(m.objects, o)
	return nil
}
