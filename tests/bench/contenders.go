package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// task is what one run has to do.
type task struct {
	workload
	source, destination string // addresses of the stores
	from, to            string // buckets
	dir                 string // the run's own, not there yet
	bin                 string // where the benchmark's own programs are
}

// contender is one way to copy a bucket.
type contender struct {
	name     string
	settings string // what a reader needs to judge the comparison
	compares bool   // can also compare two buckets
	only     string // workload; empty for all
	apart    bool   // writes to no null store, so that somebody else checks what it did
	command  func(task) (*exec.Cmd, error)
}

// rclone's settings. --checksum compares by the listing's ETags, which spares it
// a HEAD for each object; --s3-no-head trusts the store to have checked the
// Content-MD5 it was sent, as dth trusts the checksum that the store returns.
// With its uploads in parts rclone needs that HEAD.
const (
	rcloneBase  = "--transfers 64 --checkers 64 --fast-list --checksum --s3-no-check-bucket"
	rcloneSmall = rcloneBase + " --s3-no-head --s3-no-head-object"
	rcloneWhole = rcloneSmall + " --s3-upload-cutoff 5G --multi-thread-streams 0"
)

var contenders = []contender{
	{name: "dth", compares: true, command: dth},
	{name: "rclone", settings: rcloneBase + "; objects below 1 GiB also --s3-no-head --s3-no-head-object", compares: true, command: func(t task) (*exec.Cmd, error) {
		if t.size >= 1<<30 {
			return rclone(t, rcloneBase)
		}
		return rclone(t, rcloneSmall)
	}},
	{name: "rclone, one PUT", settings: rcloneWhole, only: "1GiB", command: func(t task) (*exec.Cmd, error) {
		return rclone(t, rcloneWhole)
	}},
	{name: "relay", settings: "64 workers, nothing signed or verified", command: relay},
}

// dth runs the product as a user would, with a state of its own.
func dth(t task) (*exec.Cmd, error) {
	return syncCommand(sourceOf(t), destinationOf(t), t.dir), nil
}

// sourceOf and destinationOf return the locations in the null stores.
func sourceOf(t task) string      { return location(t.source, t.from) + "&credentials=env:SRC" }
func destinationOf(t task) string { return location(t.destination, t.to) + "&credentials=env:DST" }

func syncCommand(from, to, state string) *exec.Cmd {
	command := exec.Command("bin/dth", "sync", from, to, "--state", state, "--json")
	command.Env = append(os.Environ(), credentials...)
	return command
}

func location(address, bucket string) string {
	return fmt.Sprintf("s3compat://%s?endpoint=http://%s&profile=versitygw&region=us-east-1", bucket, address)
}

// credentials are no secret: the null store checks none, and the emulators know theirs.
var credentials = []string{
	"SRC_ACCESS_KEY_ID=source", "SRC_SECRET_ACCESS_KEY=source",
	"DST_ACCESS_KEY_ID=destination", "DST_SECRET_ACCESS_KEY=destination",
	"EMULATOR_ACCESS_KEY_ID=" + emulatorKey, "EMULATOR_SECRET_ACCESS_KEY=" + emulatorKey,
}

// rclone runs rclone sync between two remotes: on one it would copy inside the
// server.
func rclone(t task, settings string) (*exec.Cmd, error) {
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return nil, err
	}
	remote := func(name, address string) string {
		return fmt.Sprintf("[%s]\ntype = s3\nprovider = Other\nendpoint = http://%s\naccess_key_id = bench\nsecret_access_key = bench\nregion = us-east-1\nforce_path_style = true\nlist_version = 2\n\n", name, address)
	}
	config := filepath.Join(t.dir, "rclone.conf")
	if err := os.WriteFile(config, []byte(remote("src", t.source)+remote("dst", t.destination)), 0o600); err != nil {
		return nil, err
	}
	arguments := append([]string{"sync", "--config", config, "src:" + t.from, "dst:" + t.to}, strings.Fields(settings)...)
	return exec.Command(".tools/bin/rclone", arguments...), nil
}

func relay(t task) (*exec.Cmd, error) {
	return exec.Command(filepath.Join(t.bin, "relay"), "-workers", "64", "http://"+t.source+"/"+t.from, "http://"+t.destination+"/"+t.to), nil
}
