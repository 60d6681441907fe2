package misbehaving

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// profile is one plugin, or one profile of it.
type profile struct {
	name, plugin string
	options      map[string]string
	nature       Nature
}

// inBrief are those whose natures differ, for ordinary runs.
var inBrief = []string{"generic", "r2", "versitygw", "s3"}

// profiles returns all profiles of both plugins for S3 at length, and otherwise one of
// each nature.
func profiles(t *testing.T) []profile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "plugins", "s3compat", "profiles", "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no profiles: %v", err)
	}
	found := []profile{{name: "s3", plugin: "s3", options: map[string]string{"region": "us-east-1"}, nature: nature(t, "../../../plugins/s3/profile.yaml")}}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		found = append(found, profile{
			name: name, plugin: "s3compat", options: map[string]string{"profile": name, "addressing": "path", "region": "us-east-1"}, nature: nature(t, path),
		})
	}
	if os.Getenv("DTH_FAULTS") != "long" {
		found = slices.DeleteFunc(found, func(p profile) bool { return !slices.Contains(inBrief, p.name) })
	}
	return found
}

// nature reads from a profile what an honest store of it does.
func nature(t *testing.T, path string) Nature {
	t.Helper()
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Checksums struct {
			Stored []string `yaml:"stored"`
			MD5    bool     `yaml:"etag-md5"`
		} `yaml:"checksums"`
		Listing struct {
			V1 bool `yaml:"v1"`
		} `yaml:"listing"`
		Keys struct {
			LookUp bool `yaml:"look-up"`
		} `yaml:"keys"`
	}
	if err := yaml.Unmarshal(document, &read); err != nil {
		t.Fatal(err)
	}
	return Nature{Checksums: len(read.Checksums.Stored) > 0, MD5: read.Checksums.MD5, Measured: !read.Keys.LookUp, Counts: !read.Listing.V1}
}
