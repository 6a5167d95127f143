package main

import (
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that is wrapped
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// What a user gets out of grpc-go with some work: an answer is serialised once a lane, streams are
// served by goroutines that stay, and buffers are shared.

// written is an answer that is serialised already. The embedded message satisfies the interface.
type written struct {
	*extprocv3.ProcessingResponse
	bytes []byte
}

// passing is the proto codec, but lets through what is serialised already.
type passing struct{ encoding.CodecV2 }

func (p passing) Marshal(v any) (mem.BufferSlice, error) {
	if w, ok := v.(*written); ok {
		return mem.BufferSlice{mem.SliceBuffer(w.bytes)}, nil
	}
	return p.CodecV2.Marshal(v)
}

func tunedOptions(workers uint32) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.NumStreamWorkers(workers),
		grpc.ForceServerCodecV2(passing{encoding.GetCodecV2("proto")}),
		grpc.SharedWriteBuffer(true),
		grpc.InitialWindowSize(1 << 20),
		grpc.InitialConnWindowSize(16 << 20),
	}
}

// writtenAnswers has one for each lane, for requests without baggage.
func writtenAnswers() (map[string]*written, error) {
	answers := map[string]*written{}
	lanes := []string{baseline}
	for _, r := range rules {
		lanes = append(lanes, r.lane)
	}
	for _, lane := range lanes {
		bytes, err := proto.Marshal(answer(lane, ""))
		if err != nil {
			return nil, err
		}
		answers[lane] = &written{bytes: bytes}
	}
	return answers, nil
}

func (s *server) answerTuned(stream grpc.ServerStream, request *extprocv3.HttpHeaders) error {
	h := headersOf(request)
	lane := laneOf(h)
	if baggage := h["baggage"]; baggage != "" {
		return stream.SendMsg(answer(lane, baggage))
	}
	return stream.SendMsg(s.written[lane])
}
