package main

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
)

// vendorPairs is how often a vendor's plugin and s3compat take turns.
const vendorPairs = 5

// filledPrefix holds what copies from a vendor read.
const filledPrefix = "filled"

// passage is one pair of runs over 4 KiB objects: with a vendor's plugin at one
// end, and with s3compat in its place. The other end is s3compat in both.
type passage struct {
	Name     string             `json:"name"` // "to oss"
	Vendor   sided              `json:"vendor"`
	S3compat sided              `json:"s3compat"`
	Requests map[string]float64 `json:"vendor_requests_per_object"` // by the vendor's names
}

// sided is one side of a pair: the run, and one over no objects. Starting processes
// costs as much as a few hundred objects and would blur what an object costs.
type sided struct {
	Run   result `json:"run"`
	Empty result `json:"empty"`
}

// passages measures every vendor as destination and as source.
func (b *bench) passages(ctx context.Context) ([]passage, error) {
	w := workload{name: "4KiB", count: 2_000, size: 4 << 10}
	if b.quick {
		w.count = 500
	}
	var passages []passage
	for _, v := range vendors {
		if !b.only.MatchString("vendor/to "+v.name) && !b.only.MatchString("vendor/from "+v.name) {
			continue
		}
		measured, err := b.vendor(ctx, w, v)
		if err != nil {
			return nil, fmt.Errorf("vendor %s: %w", v.name, err)
		}
		passages = append(passages, measured...)
	}
	return passages, nil
}

func (b *bench) vendor(ctx context.Context, w workload, v vendor) ([]passage, error) {
	pair, err := b.startStores(ctx, w)
	if err != nil {
		return nil, err
	}
	defer pair.stop()
	e, err := b.startEmulator(ctx, v)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	fmt.Printf("==> fill the emulator of %s\n", v.name)
	if _, _, err := b.cross(ctx, w, e.writer(filledPrefix), e, pair); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	var passages []passage
	for _, ours := range []contender{e.writer(""), e.reader()} {
		if !b.only.MatchString("vendor/" + ours.name) {
			continue
		}
		for turn := range vendorPairs {
			fmt.Printf("==> %s, pair %d of %d\n", ours.name, turn+1, vendorPairs)
			p := passage{Name: ours.name}
			// The order changes from pair to pair, so that neither always runs warm.
			order := []func() error{
				func() (err error) {
					p.Vendor, p.Requests, err = b.side(ctx, w, ours, e, pair)
					return err
				},
				func() (err error) {
					p.S3compat, _, err = b.side(ctx, w, contender{name: "s3compat", command: dth}, e, pair)
					return err
				},
			}
			for i := range order {
				if err := order[(i+turn)%2](); err != nil {
					return nil, fmt.Errorf("%s: %w", ours.name, err)
				}
			}
			passages = append(passages, p)
		}
	}
	return passages, nil
}

// side measures one side of a pair, and returns the requests per object that the
// emulator served.
func (b *bench) side(ctx context.Context, w workload, c contender, e *emulator, pair *stores) (s sided, requests map[string]float64, err error) {
	nothing := w
	nothing.count = 0
	if s.Empty, err = b.measure(ctx, nothing, c, pair); err != nil {
		return s, nil, err
	}
	s.Run, requests, err = b.cross(ctx, w, c, e, pair)
	return s, requests, err
}

// writer copies to the emulator, below the prefix or a new one.
func (e *emulator) writer(prefix string) contender {
	return contender{name: "to " + e.name, apart: true, command: func(t task) (*exec.Cmd, error) {
		return syncCommand(sourceOf(t), e.location(cmp.Or(prefix, t.to)), t.dir), nil
	}}
}

// reader copies from the emulator.
func (e *emulator) reader() contender {
	return contender{name: "from " + e.name, command: func(t task) (*exec.Cmd, error) {
		from := filledPrefix
		if t.count == 0 {
			from = emptyBucket
		}
		return syncCommand(e.location(from), destinationOf(t), t.dir), nil
	}}
}

// cross runs a contender once and returns also the requests per object that the
// emulator served, once it received every byte that the contender was to write.
func (b *bench) cross(ctx context.Context, w workload, c contender, e *emulator, pair *stores) (result, map[string]float64, error) {
	if _, err := e.takeCounts(ctx); err != nil {
		return result{}, nil, err
	}
	r, err := b.measure(ctx, w, c, pair)
	if err != nil {
		return r, nil, err
	}
	counts, err := e.takeCounts(ctx)
	if err != nil {
		return r, nil, err
	}
	requests := map[string]float64{}
	var received int64
	for op, count := range counts {
		received += count.In
		r.Requests += count.Requests
		requests[op] = float64(count.Requests) / float64(w.count)
	}
	if c.apart && received < r.Bytes {
		return r, nil, fmt.Errorf("the emulator received %d bytes, but the objects have %d", received, r.Bytes)
	}
	return r, requests, nil
}
