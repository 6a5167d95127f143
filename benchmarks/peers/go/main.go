// Command extprocpeer dyes by the rules of ten-rules.yaml, written the way a user of grpc-go and
// go-control-plane would write it. With -tuned it also does what grpc-go offers for speed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"runtime"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type server struct {
	extprocv3.UnimplementedExternalProcessorServer
	written map[string]*written // nil: not tuned
}

func (s *server) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		headers := request.GetRequestHeaders()
		if headers == nil {
			return status.Errorf(codes.InvalidArgument, "unexpected %T", request.Request)
		}
		if s.written == nil {
			err = stream.Send(answerTo(headers))
		} else {
			err = s.answerTuned(stream, headers)
		}
		if err != nil {
			return err
		}
	}
}

func main() {
	tuned := flag.Bool("tuned", false, "do what grpc-go offers for speed")
	flag.Parse()
	log.SetFlags(0)
	s, options := &server{}, []grpc.ServerOption{}
	if *tuned {
		answers, err := writtenAnswers()
		if err != nil {
			log.Fatal(err)
		}
		s.written, options = answers, tunedOptions(uint32(runtime.GOMAXPROCS(0)))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	g := grpc.NewServer(options...)
	extprocv3.RegisterExternalProcessorServer(g, s)
	fmt.Printf("serving with %s, grpc-go %s, GOMAXPROCS %d on %s\n",
		runtime.Version(), grpc.Version, runtime.GOMAXPROCS(0), listener.Addr())
	log.Fatal(g.Serve(listener))
}
