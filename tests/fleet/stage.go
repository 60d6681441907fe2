package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dth-dev/dth/tests/cloud"
	"github.com/dth-dev/dth/tests/servers"
)

// stage is what a fleet runs on. It is kept in a file, by which another process finds
// and ends the servers.
type stage struct {
	Servers     []running
	AWS         string // endpoint of SQS, DynamoDB and Step Functions
	Fleet       cloud.Fleet
	Source      bucket
	Destination bucket
}

// running is a server in the background.
type running struct {
	Name    string
	PID     int
	Started string // tells the process from a later one of the same id
}

// bucket is an empty bucket on a server of its own.
type bucket struct {
	Endpoint  string
	Name      string
	AccessKey string
	SecretKey string
}

// location names the bucket to dth; the credentials come from variables with the prefix.
func (b bucket) location(prefix string) string {
	return "s3compat://" + b.Name + "?endpoint=" + b.Endpoint + "&profile=versitygw&credentials=env:" + prefix
}

func (b bucket) environment(prefix string) []string {
	return []string{prefix + "_ACCESS_KEY_ID=" + b.AccessKey, prefix + "_SECRET_ACCESS_KEY=" + b.SecretKey}
}

const stageFile = "stage.json"

// kept are the folders of what the servers keep, beside the logs of the same names.
var kept = []string{"aws", "source", "destination"}

func load(dir string) (*stage, error) {
	content, err := os.ReadFile(filepath.Join(dir, stageFile))
	if err != nil {
		return nil, err
	}
	loaded := &stage{}
	if err := json.Unmarshal(content, loaded); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, stageFile), err)
	}
	return loaded, nil
}

// keep writes the file after each server, so that none is forgotten.
func (s *stage) keep(dir string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stageFile), append(content, '\n'), 0o600) // it holds keys
}

// runs tells whether all servers still do.
func (s *stage) runs() bool {
	for _, server := range s.Servers {
		if started(server.PID) != server.Started {
			return false
		}
	}
	return len(s.Servers) > 0
}

// raise starts the servers below dir, detached. If one does not start, those that did
// are ended.
func raise(ctx context.Context, dir string) (raised *stage, err error) {
	raised = &stage{}
	defer func() {
		if err != nil {
			for _, server := range raised.Servers {
				_, _ = end(context.WithoutCancel(ctx), server) // the first error is the one to tell
			}
			_ = os.Remove(filepath.Join(dir, stageFile))
		}
	}()
	for _, name := range kept {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	aws, err := cloud.Start(ctx, cloud.Config{
		Kind: cloud.MiniStack, Dir: filepath.Join(dir, "aws"), Log: filepath.Join(dir, "aws.log"), Detached: true,
	})
	if err != nil {
		return nil, err
	}
	raised.AWS = aws.Endpoint
	if err := raised.add(dir, "aws", aws.PID); err != nil {
		return nil, err
	}
	if raised.Fleet, err = aws.CreateFleet(ctx, "dth"); err != nil {
		return nil, err
	}
	for name, to := range map[string]*bucket{"source": &raised.Source, "destination": &raised.Destination} {
		if err := raised.addBucket(ctx, dir, name, to); err != nil {
			return nil, err
		}
	}
	return raised, raised.keep(dir)
}

func (s *stage) addBucket(ctx context.Context, dir, name string, to *bucket) error {
	server, err := servers.Start(ctx, servers.Config{
		Product: servers.VersityGW, AccessKey: "fleet-" + name, SecretKey: "secret-of-" + name,
		Dir: filepath.Join(dir, name), Log: filepath.Join(dir, name+".log"), Detached: true,
	})
	if err != nil {
		return err
	}
	*to = bucket{Endpoint: server.Endpoint, Name: name, AccessKey: server.AccessKey, SecretKey: server.SecretKey}
	if err := s.add(dir, name, server.PID); err != nil {
		return err
	}
	return server.CreateBucket(ctx, name)
}

func (s *stage) add(dir, name string, pid int) error {
	s.Servers = append(s.Servers, running{Name: name, PID: pid, Started: started(pid)})
	return s.keep(dir)
}

// environment returns the variables with which dth reaches all of it.
func (s *stage) environment() []string {
	variables := append(cloud.EnvironmentAt(s.AWS), s.Fleet.Environment()...)
	variables = append(variables, s.Source.environment("SOURCE")...)
	return append(variables, s.Destination.environment("DESTINATION")...)
}

// show prints what a shell evaluates, and the rest as its comments.
func (s *stage) show(out io.Writer) error {
	for _, server := range s.Servers {
		fmt.Fprintf(out, "# %-12s process %d\n", server.Name, server.PID)
	}
	fmt.Fprintf(out, "# main queue   %s\n# priority     %s\n# dead letters %s\n", s.Fleet.Queues.Main.URL, s.Fleet.Queues.Prio.URL, s.Fleet.Queues.DLQ.URL)
	fmt.Fprintf(out, "# source       %s\n# destination  %s\n", s.Source.location("SOURCE"), s.Destination.location("DESTINATION"))
	for _, variable := range s.environment() {
		if _, err := fmt.Fprintf(out, "export %s\n", variable); err != nil {
			return err
		}
	}
	return nil
}
