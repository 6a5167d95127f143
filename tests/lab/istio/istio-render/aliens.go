package main

import (
	"strings"

	udpa "github.com/cncf/xds/go/udpa/type/v1"
	xdstype "github.com/cncf/xds/go/xds/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// aliens are filters that only Istio's build of Envoy has, by how the names of their messages begin.
var aliens = []string{
	"envoy.extensions.network_filters.peer_metadata",
	"envoy.tcp.metadataexchange.",
	"io.istio.",
	"istio.envoy.",
	"stats.PluginConfig",
}

// message is what a typed config is of: Istio wraps those that have no Go type here.
func message(config *anypb.Any) string {
	url := config.GetTypeUrl()
	older, newer := &udpa.TypedStruct{}, &xdstype.TypedStruct{}
	if config.UnmarshalTo(older) == nil {
		url = older.TypeUrl
	} else if config.UnmarshalTo(newer) == nil {
		url = newer.TypeUrl
	}
	return url[strings.LastIndex(url, "/")+1:]
}

func withoutAliens[T any](filters []T, config func(T) *anypb.Any) []T {
	var out []T
	for _, f := range filters {
		if !alien(message(config(f))) {
			out = append(out, f)
		}
	}
	return out
}

func alien(message string) bool {
	for _, begin := range aliens {
		if strings.HasPrefix(message, begin) {
			return true
		}
	}
	return false
}
