package main

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// headersOf joins the lines of each name as HTTP does.
func headersOf(request *extprocv3.HttpHeaders) seen {
	lines := request.GetHeaders().GetHeaders()
	h := make(seen, len(lines))
	for _, line := range lines {
		old, again := h[line.Key]
		switch {
		case !again:
			h[line.Key] = string(line.RawValue)
		case line.Key == "cookie":
			h[line.Key] = old + "; " + string(line.RawValue)
		default:
			h[line.Key] = old + "," + string(line.RawValue)
		}
	}
	return h
}

func answerTo(request *extprocv3.HttpHeaders) *extprocv3.ProcessingResponse {
	h := headersOf(request)
	lane := laneOf(h)
	return answer(lane, h["baggage"])
}

func answer(lane, baggage string) *extprocv3.ProcessingResponse {
	mutation := &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{
		set("x-lane", lane),
		set("baggage", withMember(baggage, lane)),
	}}
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_RequestHeaders{
			RequestHeaders: &extprocv3.HeadersResponse{
				Response: &extprocv3.CommonResponse{HeaderMutation: mutation},
			},
		},
	}
}

func set(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, RawValue: []byte(value)},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}
