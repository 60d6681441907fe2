package main

import (
	"fmt"
	"strings"

	"github.com/dth-dev/dth/core/job"
)

// targets returns the jobs that the two arguments of a command mean: SOURCE and
// DESTINATION, @NAME alone, or @all alone.
func targets(in job.Input, source, destination string) ([]job.Job, error) {
	name, named := strings.CutPrefix(source, "@")
	switch {
	case named && destination != "":
		return nil, &job.Error{What: fmt.Sprintf("%s has its own destination", source), Do: "leave the second location out", Usage: true}
	case !named && destination == "":
		return nil, &job.Error{What: "the destination is missing", Do: "write SOURCE and DESTINATION, or @NAME for a job of dth.yaml", Usage: true}
	case !named:
		resolved, err := in.Sync(source, destination)
		return []job.Job{resolved}, err
	}
	names := []string{name}
	if name == "all" {
		names = in.Jobs()
		if len(names) == 0 {
			return nil, &job.Error{What: "there are no jobs", Do: `add them under "jobs:" in dth.yaml`}
		}
	}
	return namedJobs(in, names)
}

// namedJobs resolves jobs of dth.yaml, all of them before the first one runs.
func namedJobs(in job.Input, names []string) ([]job.Job, error) {
	var jobs []job.Job
	states := map[string]string{}
	for _, name := range names {
		resolved, err := in.Named(name)
		if err != nil {
			return nil, err
		}
		if state := resolved.Settings.State; state != "" {
			if other, taken := states[state]; taken {
				return nil, &job.Error{What: fmt.Sprintf("jobs %s and %s have one state folder, %s", other, name, state),
					Do: "give each its own, or none for the default"}
			}
			states[state] = name
		}
		jobs = append(jobs, resolved)
	}
	return jobs, nil
}
