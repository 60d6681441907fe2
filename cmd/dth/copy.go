package main

import (
	"context"

	"github.com/dth-dev/dth/core/engine"
)

// copyCommand copies one object.
type copyCommand struct {
	Source      string `arg:"" help:"Object to read: SCHEME://BUCKET/KEY or NAME:BUCKET/KEY."`
	Destination string `arg:"" help:"Object to write; where it ends in \"/\" the source's last segment is added."`

	locationFlags
	transferFlags
	fitFlags
	serverSideFlags
	stateFlags
	reportFlags
}

// Run copies it.
func (c *copyCommand) Run(ctx context.Context, p *process) error {
	in, err := p.input(c.locationFlags)
	if err != nil {
		return err
	}
	resolved, err := in.Copy(c.Source, c.Destination)
	if err != nil {
		return err
	}
	return p.transfer(ctx, resolved, c.JSON, engine.NewObject, (*engine.Engine).Copy)
}
