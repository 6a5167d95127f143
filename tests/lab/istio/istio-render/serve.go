package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"reflect"
	"syscall"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/test"
)

// serve gives real proxies what they ask for, over gRPC without TLS, until the process is ended.
func serve(address string, m *manifests, mesh *meshconfig.MeshConfig, read func() (*manifests, error)) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	return test.Wrap(func(t test.Failer) {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
			Configs: m.configs, KubernetesObjects: populate(m.objects), MeshConfig: mesh,
			ListenerBuilder: func() (net.Listener, error) { return listener, nil },
		})
		fmt.Printf("serving %s\n", listener.Addr())
		for range again {
			next, err := read()
			if err != nil { // what is wrong is not taken, as Istio's webhook would not
				fmt.Fprintln(os.Stderr, err)
				fmt.Println("refused")
				continue
			}
			if err := update(server.Store(), m.configs, next.configs); err != nil {
				t.Fatal(err)
			}
			m = next
			fmt.Println("updated")
		}
	})
}

// update makes of the objects before in store those after.
func update(store model.ConfigStore, before, after []config.Config) error {
	gone := map[string]config.Config{}
	for _, c := range before {
		gone[nameOf(c)] = c
	}
	for _, c := range after {
		old, known := gone[nameOf(c)]
		delete(gone, nameOf(c))
		var err error
		if c.ResourceVersion = ""; !known {
			_, err = store.Create(c)
		} else if !reflect.DeepEqual(old.Spec, c.Spec) {
			_, err = store.Update(c)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", nameOf(c), err)
		}
	}
	for _, c := range gone {
		if err := store.Delete(c.GroupVersionKind, c.Name, c.Namespace, nil); err != nil {
			return fmt.Errorf("%s: %w", nameOf(c), err)
		}
	}
	return nil
}
