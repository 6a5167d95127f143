package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// rules are the schemas of custom resources, by their apiVersion and kind.
type rules map[string]*extv1.JSONSchemaProps

func loadRules(files []string) (rules, error) {
	r := rules{}
	for _, name := range files {
		if err := r.add(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

func (r rules) add(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for decoder := kubeyaml.NewYAMLOrJSONDecoder(f, 1<<20); ; {
		crd := extv1.CustomResourceDefinition{}
		if err := decoder.Decode(&crd); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for _, version := range crd.Spec.Versions {
			if version.Schema != nil {
				r[key(crd.Spec.Group+"/"+version.Name, crd.Spec.Names.Kind)] = version.Schema.OpenAPIV3Schema
			}
		}
	}
}

func key(apiVersion, kind string) string { return apiVersion + " " + kind }

func custom(apiVersion string) bool {
	return strings.Contains(apiVersion, "istio.io/") || strings.HasPrefix(apiVersion, "gateway.networking.k8s.io/")
}

// admit fills defaults in and says what the API server would refuse: unknown fields, which it
// only drops unless it is asked to be strict, values that the schema or its CEL rules forbid.
// The engine relies on the defaults, and panics without some of them.
func (r rules) admit(u *unstructured.Unstructured) error {
	v1 := r[key(u.GetAPIVersion(), u.GetKind())]
	if v1 == nil {
		if custom(u.GetAPIVersion()) {
			return errors.New("there is no CRD for it")
		}
		return nil
	}
	props := &apiextensions.JSONSchemaProps{}
	if err := extv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v1, props, nil); err != nil {
		return err
	}
	structural, err := schema.NewStructural(props)
	if err != nil {
		return err
	}
	track := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	if unknown := pruning.PruneWithOptions(u.DeepCopy().Object, structural, true, track); len(unknown) > 0 {
		return fmt.Errorf("unknown fields %v", unknown)
	}
	defaulting.Default(u.Object, structural)
	return check(u, props, structural)
}

func check(u *unstructured.Unstructured, props *apiextensions.JSONSchemaProps, s *schema.Structural) error {
	validator, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return err
	}
	wrong := validation.ValidateCustomResource(nil, u.Object, validator)
	wrong = append(wrong, listtype.ValidateListSetsAndMaps(nil, s, u.Object)...)
	if expressions := cel.NewValidator(s, true, celconfig.PerCallLimit); expressions != nil {
		found, _ := expressions.Validate(context.Background(), nil, s, u.Object, nil, celconfig.RuntimeCELCostBudget)
		wrong = append(wrong, found...)
	}
	return wrong.ToAggregate()
}
