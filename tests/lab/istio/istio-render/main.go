// Command istio-render prints what Istio's control plane would send to some proxies.
//
// Its config engine runs in this process, without a cluster:
//
//	istio-render -crds CRDS.yaml -proxy gateway:istio-system/ingress -o summary FILES...
//
// FILES hold Istio and Gateway API objects, Namespaces, Services and Deployments. They are checked
// and defaulted as the API server would by the CRDs, and validated as Istio's webhook would; pods
// and endpoints are made up for the Deployments. A proxy is of a Deployment's first pod.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
)

// list is a flag that may be given again.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

type options struct {
	crds    list
	proxies list
	output  string
	mesh    string
	version string
	of      string
	serve   string
}

func parse() (options, []string) {
	o := options{}
	flag.Var(&o.crds, "crds", "file of CustomResourceDefinitions (again for more)")
	flag.Var(&o.proxies, "proxy", "KIND:NAMESPACE/DEPLOYMENT (again for more); KIND is one of "+kinds())
	flag.StringVar(&o.output, "o", "xds", "xds, bootstrap, summary, effects, or check: the objects alone, nothing is rendered")
	flag.StringVar(&o.mesh, "mesh", "", "MeshConfig in YAML, over the defaults")
	flag.StringVar(&o.version, "istio-version", "1.31.0", "what the proxies say they are")
	flag.StringVar(&o.of, "of", "", "with -o effects: label selector of the objects to try without")
	flag.StringVar(&o.serve, "serve", "", "print nothing, serve ADS at this address; SIGHUP reads FILES again")
	flag.Parse()
	return o, flag.Args()
}

// These log of the made up cluster, which lacks what a real one has.
var noisy = []string{"ads", "controllers", "default", "krt", "kube"}

// quiet keeps stdout for the output, and stderr for what is wrong.
func quiet() error {
	o := log.DefaultOptions()
	o.OutputPaths = []string{"stderr"}
	if err := log.Configure(o); err != nil {
		return err
	}
	for name, scope := range log.Scopes() {
		scope.SetOutputLevel(log.WarnLevel)
		if slices.Contains(noisy, name) {
			scope.SetOutputLevel(log.NoneLevel)
		}
	}
	return nil
}

func run(o options, files []string) error {
	mesh, err := meshConfig(o.mesh)
	if err != nil {
		return err
	}
	rules, err := loadRules(o.crds)
	if err != nil {
		return err
	}
	read := func() (*manifests, error) { return load(files, rules) }
	found, err := read()
	if err != nil {
		return err
	}
	if o.output == "check" {
		return printJSON(map[string]any{})
	}
	if o.serve != "" {
		return serve(o.serve, found, mesh, read)
	}
	proxies := make([]proxy, 0, len(o.proxies))
	for _, text := range o.proxies {
		p, err := parseProxy(text, o.version)
		if err != nil {
			return err
		}
		proxies = append(proxies, p)
	}
	if o.output == "effects" {
		return printEffects(found, mesh, proxies, o.of)
	}
	return test.Wrap(func(t test.Failer) {
		if err := printAll(o.output, render(t, found, mesh, proxies)); err != nil {
			t.Fatal(err)
		}
	})
}

func main() {
	err := quiet()
	if err == nil {
		err = run(parse())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
