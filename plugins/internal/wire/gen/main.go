// Command gen makes the Go code of sosh.proto with Go alone: no protoc. It is
// run by go generate in the folder of sosh.proto and writes only to pb/.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const source = "sosh.proto"

func main() {
	out := "pb"
	if len(os.Args) > 1 {
		out = os.Args[1] // the test that compares writes elsewhere
	}
	if err := generate(out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func generate(out string) error {
	c := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{"."}},
		SourceInfoMode: protocompile.SourceInfoStandard, // the comments go into the code
	}
	files, err := c.Compile(context.Background(), source)
	if err != nil {
		return err
	}
	var set []*descriptorpb.FileDescriptorProto
	for _, f := range files {
		set = append(set, protodesc.ToFileDescriptorProto(f))
	}
	for _, tool := range []string{"google.golang.org/protobuf/cmd/protoc-gen-go", "google.golang.org/grpc/cmd/protoc-gen-go-grpc"} {
		if err := run(tool, set, out); err != nil {
			return fmt.Errorf("%s: %w", tool, err)
		}
	}
	return nil
}

// run asks one protoc plugin for its code, in protoc's own protocol.
func run(tool string, set []*descriptorpb.FileDescriptorProto, out string) error {
	req, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{source},
		ProtoFile:      set,
		Parameter:      proto.String("paths=source_relative"),
	})
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "tool", tool)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(req), os.Stderr
	b, err := cmd.Output()
	if err != nil {
		return err
	}
	var resp pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(b, &resp); err != nil {
		return err
	}
	if resp.Error != nil {
		return fmt.Errorf("%s", resp.GetError())
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, f := range resp.File {
		if err := os.WriteFile(filepath.Join(out, f.GetName()), []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
