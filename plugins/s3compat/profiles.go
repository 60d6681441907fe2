package main

import (
	"bytes"
	"embed"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
)

//go:embed profiles/*.yaml
var profileFiles embed.FS

// profileNames returns the names of all profiles, ascending.
func profileNames() ([]string, error) {
	entries, err := profileFiles.ReadDir("profiles")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return names, nil
}

// readProfile reads the profile of that name. A field that it does not know is
// an error, so that a misspelt quirk cannot pass for an absent one.
func readProfile(name string) (s3driver.Profile, error) {
	var profile s3driver.Profile
	document, err := profileFiles.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return profile, err
	}
	if err := yaml.NewDecoder(bytes.NewReader(document), yaml.Strict()).Decode(&profile); err != nil {
		return profile, fmt.Errorf("profile %s: %w", name, err)
	}
	profile.Name = name
	return profile, nil
}
