package cloudformation

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/registry"
	"github.com/dth-dev/dth/sdk/host"
)

// A store that dth knows nothing about is reached in a fleet by a plugin among its
// programs, as docs/custom-build.md says.
func TestFleetFindsAPluginOfOnesOwn(t *testing.T) {
	t.Parallel()
	archive, sum := release(t, map[string]string{
		"plugins/dth-plugin-s3.yaml":   "name: s3\ntitle: Amazon S3\nprotocol: [1]\n",
		"plugins/dth-plugin-tiny":      "#!/bin/sh\n",
		"plugins/dth-plugin-tiny.yaml": "name: tiny\ntitle: Tiny store\nprotocol: [1]\n",
	})
	stack := smallest.with("assetSha256", sum, "srcPlugin", "tiny", "srcCredentials", "keys/tiny", "srcEndpoint", "https://tiny.example.com", "srcOptions", "site=north")
	for _, role := range []string{"worker", "finder"} {
		b := boot(t, role, stack, archive)
		if b.err != nil {
			t.Fatalf("%v: %s", b.err, b.said)
		}
		manifests, err := registry.New([]string{filepath.Join(b.root, "opt/dth/plugins")}, host.Options{Logger: hclog.NewNullLogger()}).Plugins()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(manifests, func(m host.Manifest) bool { return m.Name == "tiny" }) {
			t.Errorf("the %s finds plugins %v", role, manifests)
		}
		file, err := job.ParseFile("dth.yaml", []byte(b.file(t, "etc/dth/dth.yaml")))
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := job.Input{Files: []*job.File{file}}.Named("transfer")
		if err != nil {
			t.Fatal(err)
		}
		resolved.Source.Store = ""
		if got, want := resolved.Source.String(), "tiny://from?credentials=secret:keys/tiny&endpoint=https://tiny.example.com&site=north"; got != want {
			t.Errorf("the %s reads %s, want %s", role, got, want)
		}
	}
	// The list of prefixes is read as the source is.
	b := boot(t, "finder", stack.with("srcPrefixsListFile", "list.txt"), archive)
	if got, want := b.file(t, "etc/dth/env"), `DTH_LIST="tiny://from/list.txt?credentials=secret:keys/tiny&endpoint=https://tiny.example.com&site=north"`; !strings.Contains(got, want+"\n") {
		t.Errorf("the list is read as:\n%swant %s", got, want)
	}
}
