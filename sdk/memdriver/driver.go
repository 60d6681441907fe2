package memdriver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// memory is the driver. It keeps nothing itself: all data is in a Server.
type memory struct {
	getenv func(string) string
}

var _ driver.Driver = memory{}

// New returns the driver. It resolves credentials of the form "env:PREFIX" with
// getenv, which is os.Getenv in a plugin.
func New(getenv func(string) string) driver.Driver { return memory{getenv} }

// Description says what the driver is and which options it takes.
func Description() driver.Description {
	return driver.Description{
		Name:    "mem",
		Title:   "Memory store (reference driver, for tests)",
		Version: "0.1.0",
		Options: []driver.Option{
			{Name: "endpoint", Summary: "Where the memory store answers: http://HOST:PORT or unix:///PATH", Required: true},
			{Name: "framing", Summary: "How bytes are laid into request bodies", Default: "raw", Values: []string{"raw", "form", "trailer"}},
			{Name: "replies", Summary: "Where answers to writes carry their facts", Default: repliesHeader, Values: []string{repliesHeader, repliesJSON, repliesXML}},
			{Name: "listing", Summary: "In which order keys are listed", Default: "ordered", Values: []string{"ordered", "unordered"}},
			{Name: "min-part", Summary: "Bytes in the smallest part but the last", Default: strconv.Itoa(5 << 20)},
		},
	}
}

func (memory) Describe(ctx context.Context) (driver.Description, error) {
	return Description(), ctx.Err()
}

// settings are the options of one bucket after validation.
type settings struct {
	origin    string // scheme and host of every URL
	dial      driver.Dial
	framing   driver.FramingKind
	replies   string
	minPart   int64
	unordered bool // listings are in no order that means anything
}

func (m memory) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	refuse := func(kind driver.Kind, format string, values ...any) (driver.Bucket, error) {
		return nil, &driver.Error{Op: "Open", Bucket: request.Bucket, Kind: kind, Message: fmt.Sprintf(format, values...)}
	}
	if err := ctx.Err(); err != nil {
		return nil, &driver.Error{Op: "Open", Bucket: request.Bucket, Kind: driver.KindUnavailable, Err: err}
	}
	if request.Bucket == "" || strings.Contains(request.Bucket, "/") {
		return refuse(driver.KindInvalidArgument, "bucket name %q must not be empty nor contain %q", request.Bucket, "/")
	}
	set, problem := readOptions(request.Options)
	if problem != "" {
		return refuse(driver.KindInvalidArgument, "%s", problem)
	}
	prefix, found := strings.CutPrefix(request.Credentials, "env:")
	if !found {
		return refuse(driver.KindDenied, "credentials must be env:PREFIX, naming PREFIX_ACCESS_KEY_ID and PREFIX_SECRET_ACCESS_KEY")
	}
	id, secret := m.getenv(prefix+"_ACCESS_KEY_ID"), m.getenv(prefix+"_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return refuse(driver.KindDenied, "%s_ACCESS_KEY_ID and %s_SECRET_ACCESS_KEY must both be set", prefix, prefix)
	}
	return newBucket(request.Bucket, id, secret, set), nil
}

// readOptions validates options; problem is empty when they are fine.
func readOptions(options map[string]string) (set settings, problem string) {
	values := map[string]string{}
	for _, option := range Description().Options {
		values[option.Name] = option.Default
	}
	for name, value := range options {
		if _, known := values[name]; !known {
			return settings{}, fmt.Sprintf("there is no option %q", name)
		}
		values[name] = value
	}
	for _, option := range Description().Options {
		if option.Values != nil && !slices.Contains(option.Values, values[option.Name]) {
			return settings{}, fmt.Sprintf("option %q must be one of %s", option.Name, strings.Join(option.Values, ", "))
		}
	}
	minPart, err := strconv.ParseInt(values["min-part"], 10, 64)
	if err != nil || minPart < 1 || minPart > maxPut {
		return settings{}, fmt.Sprintf(`option "min-part" must be a number of bytes from 1 to %d`, int64(maxPut))
	}
	set = settings{replies: values["replies"], minPart: minPart, unordered: values["listing"] == "unordered"}
	switch values["framing"] {
	case "form":
		set.framing = driver.FramingForm
	case "trailer":
		set.framing = driver.FramingTrailer
	}
	endpoint, err := url.Parse(values["endpoint"])
	switch {
	case err == nil && endpoint.Scheme == "http" && endpoint.Host != "" && strings.Trim(endpoint.Path, "/") == "":
		set.origin = "http://" + endpoint.Host
	case err == nil && endpoint.Scheme == "unix" && endpoint.Host == "" && endpoint.Path != "":
		// The socket is named for the TCP address of the same server, so both
		// endpoints make the same URLs and the same identity.
		set.origin = "http://" + filepath.Base(endpoint.Path)
		set.dial = driver.Dial{Network: "unix", Address: endpoint.Path}
	default:
		return settings{}, `option "endpoint" must be http://HOST:PORT or unix:///PATH`
	}
	return set, ""
}

// newClient returns the client of the control plane.
func newClient(dial driver.Dial) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true}
	if dial.Network != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, dial.Network, dial.Address)
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
