package drain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// metadata reads what EC2 says about this instance.
type metadata struct {
	client    *imds.Client
	transport *http.Transport
	// instance is the ID that it told once; empty where this may be no EC2 instance.
	instance string
}

// newMetadata makes a client of its own: metadata must never pass through a proxy, and
// connections end when the watcher does. The next tick is the retry.
func newMetadata(config aws.Config, endpoint string) *metadata {
	const patience = time.Second // the address answers at once or not at all
	m := &metadata{transport: &http.Transport{
		DialContext:     (&net.Dialer{Timeout: patience}).DialContext,
		MaxIdleConns:    1,
		IdleConnTimeout: time.Minute,
	}}
	m.client = imds.NewFromConfig(config, func(o *imds.Options) {
		o.HTTPClient = &http.Client{Transport: m.transport}
		o.Retryer = aws.NopRetryer{}
		o.EnableFallback = aws.FalseTernary
		if endpoint != "" {
			o.Endpoint = endpoint
		}
	})
	return m
}

func (m *metadata) close() { m.transport.CloseIdleConnections() }

// read returns one entry, empty where there is none.
func (m *metadata) read(ctx context.Context, path string) (string, error) {
	const longest = 64 << 10
	out, err := m.client.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		var status interface{ HTTPStatusCode() int }
		if m.instance != "" && errors.As(err, &status) && status.HTTPStatusCode() == http.StatusNotFound {
			return "", nil
		}
		return "", fmt.Errorf("read instance metadata %s: %w", path, err)
	}
	defer out.Content.Close()
	text, err := io.ReadAll(io.LimitReader(out.Content, longest))
	if err != nil {
		return "", fmt.Errorf("read instance metadata %s: %w", path, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// identify learns the instance's ID. Other clouds have other things at the address, so
// that an entry which is not there means something only after this.
func (m *metadata) identify(ctx context.Context) error {
	if m.instance != "" {
		return nil
	}
	id, err := m.read(ctx, "instance-id")
	m.instance = id
	return err
}

// terminates says whether the Auto Scaling group is about to terminate the instance.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html
func (m *metadata) terminates(ctx context.Context) (bool, error) {
	state, err := m.read(ctx, "autoscaling/target-lifecycle-state")
	return state == "Terminated" || state == "Warmed:Terminated", err
}

// interruption returns the Spot notice, nil where there is none.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
func (m *metadata) interruption(ctx context.Context) (*Notice, error) {
	text, err := m.read(ctx, "spot/instance-action")
	if err != nil || text == "" {
		return nil, err
	}
	var action struct {
		Time time.Time `json:"time"`
	}
	notice := &Notice{Reason: Interrupted}
	// A notice that cannot be read is one all the same.
	if json.Unmarshal([]byte(text), &action) == nil {
		notice.Deadline = action.Time
	}
	return notice, nil
}

// rebalance returns the recommendation to leave, nil where there is none. The time in
// it is that of the signal, no deadline.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html
func (m *metadata) rebalance(ctx context.Context) (*Notice, error) {
	text, err := m.read(ctx, "events/recommendations/rebalance")
	if err != nil || text == "" {
		return nil, err
	}
	return &Notice{Reason: Rebalance}, nil
}
