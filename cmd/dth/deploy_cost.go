package main

import (
	"fmt"
	"io"
	"os"

	"github.com/dth-dev/dth/core/cost"
	"github.com/dth-dev/dth/core/deploy"
	"github.com/dth-dev/dth/core/job"
)

// readPrices returns the table of prices, with what the user's own says otherwise.
func (c *deployCommand) readPrices() (cost.Prices, error) {
	var own io.Reader
	if c.Prices != "" {
		file, err := os.Open(c.Prices)
		if err != nil {
			return cost.Prices{}, &job.Error{Where: "--prices", What: err.Error(), Usage: true}
		}
		defer file.Close()
		own = file
	}
	prices, err := cost.Load(own)
	return prices, job.At("--prices", true, err)
}

// showCost shows what a plan costs. That it cannot be said is no reason not to deploy.
func showCost(w io.Writer, prices cost.Prices, plan *deploy.Plan) error {
	estimate, err := prices.Estimate(plan.Cost())
	if err != nil {
		_, err = fmt.Fprintf(w, "\nno estimate of the cost: %v\n", err)
		return err
	}
	fmt.Fprintln(w)
	if err := estimate.Write(w); err != nil || plan.Examined {
		return err
	}
	_, err = fmt.Fprintln(w, "- Whether the subnets lead out by a NAT gateway is not known without asking AWS: none is counted.")
	return err
}
