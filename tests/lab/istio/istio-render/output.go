package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func printAll(format string, all []*rendering) error {
	out := map[string]any{}
	for _, r := range all {
		var err error
		switch format {
		case "summary":
			r.summarize()
		case "bootstrap":
			out[r.proxy], err = r.bootstrap()
		case "xds":
			out[r.proxy], err = r.data()
		default:
			err = fmt.Errorf("-o %s: not one of xds, bootstrap, summary, effects, check", format)
		}
		if err != nil {
			return err
		}
	}
	if format == "summary" {
		return nil
	}
	return printJSON(out)
}

func (r *rendering) bootstrap() (any, error) {
	if err := r.makeStatic(); err != nil {
		return nil, err
	}
	resources, err := r.data()
	return map[string]any{
		"node":             map[string]any{"id": r.proxy, "cluster": "lab"},
		"static_resources": resources,
	}, err
}

func printJSON(value any) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// data is r in the JSON of protobuf, with the names of fields as Envoy's documentation has them.
func (r *rendering) data() (map[string][]json.RawMessage, error) {
	out := map[string][]json.RawMessage{}
	var failed error
	r.each(func(name string, m proto.Message) {
		raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			failed = err
		}
		out[name] = append(out[name], raw)
	})
	return out, failed
}

// digest is the same for the same rendering.
func (r *rendering) digest() (string, error) {
	hash := sha256.New()
	var failed error
	r.each(func(_ string, m proto.Message) {
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			failed = err
		}
		fmt.Fprintf(hash, "%d\n", len(raw))
		hash.Write(raw)
	})
	return string(hash.Sum(nil)), failed
}

func (r *rendering) each(visit func(kind string, m proto.Message)) {
	for _, one := range r.listeners {
		visit("listeners", one)
	}
	for _, one := range r.routes {
		visit("routes", one)
	}
	for _, one := range r.clusters {
		visit("clusters", one)
	}
	for _, one := range r.endpoints {
		visit("endpoints", one)
	}
	for _, one := range r.extensions {
		visit("extensions", one)
	}
}

func (r *rendering) summarize() {
	fmt.Printf("proxy %s\n", r.proxy)
	for _, l := range r.listeners {
		fmt.Printf("  listener %s\n", l.Name)
		eachManager(l, func(chain *listener.FilterChain, _ *listener.Filter, manager *hcm.HttpConnectionManager) {
			var names []string
			for _, f := range manager.HttpFilters {
				names = append(names, f.Name)
			}
			fmt.Printf("    chain %q, routes %q: %s\n", chain.Name, manager.GetRds().GetRouteConfigName(), strings.Join(names, ", "))
		})
	}
	for _, routes := range r.routes {
		for _, host := range routes.VirtualHosts {
			fmt.Printf("  routes %s, %s\n", routes.Name, strings.Join(host.Domains, " "))
			for _, one := range host.Routes {
				fmt.Printf("    %q %v -> %v\n", one.Name, one.Match, one.Action)
			}
		}
	}
	for _, c := range r.clusters {
		fmt.Printf("  cluster %s\n", c.Name)
	}
}
