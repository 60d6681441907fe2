package main

import (
	"embed"
	"strings"

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

// readProfile reads the profile of that name.
func readProfile(name string) (s3driver.Profile, error) {
	document, err := profileFiles.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return s3driver.Profile{}, err
	}
	return s3driver.ParseProfile(name, document)
}
