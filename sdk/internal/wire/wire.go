// Package wire converts between the types of sdk/driver and the messages of the
// wire contract, and holds the constants that host and plugin must share.
package wire

import (
	"math"
	"strings"
	"time"
)

// ProtocolVersion is the major version of the wire contract.
const ProtocolVersion = 1

// What host and plugin agree on before they speak gRPC.
const (
	// CookieKey and CookieValue tell a plugin that dth started it. They keep
	// people from running it by hand; they protect nothing.
	CookieKey   = "DTH_PLUGIN"
	CookieValue = "a1c6b7d0-4d8e-4a0f-9a53-1f5a6c0f4b6e"
	// ServiceName is the name under which go-plugin dispenses the driver.
	ServiceName = "storage"
	// LivenessVariable holds the number of the descriptor whose end of file tells the plugin
	// that its host is gone.
	LivenessVariable = "DTH_PLUGIN_LIVENESS_FD"
	// LogLevelVariable holds the level below which the host drops log lines.
	LogLevelVariable = "DTH_PLUGIN_LOG_LEVEL"
)

// Limits of the boundary, the same in both directions.
const (
	MaxMessage = 64 << 20 // bytes in one message
	MaxBatch   = 256      // signing requests in one message
	// Window is the flow-control window of a stream and of the connection:
	// a whole batch of answers fits, so neither side waits for the other.
	Window = 1 << 20
	// CallTimeout bounds one call, and one batch of signing requests.
	CallTimeout = time.Minute
)

// text makes a string for people fit for a protobuf string field.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// texts makes each string fit for a protobuf string field.
func texts(list []string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = text(s)
	}
	return out
}

// octets returns nil for an empty string, so that empty fields compare equal
// after a round trip.
func octets(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// Int32 saturates rather than wraps.
func Int32(n int) int32 {
	return int32(min(max(int64(n), math.MinInt32), math.MaxInt32)) //nolint:gosec // in range by construction
}

// Nanoseconds outside which time.Time.UnixNano has no meaning, in seconds.
const maxSeconds = math.MaxInt64 / int64(time.Second)

// FromTime returns nanoseconds since 1970 UTC, 0 for the zero time and for times
// that nanoseconds cannot express (before 1678, after 2261).
func FromTime(t time.Time) int64 {
	if s := t.Unix(); s <= -maxSeconds || s >= maxSeconds {
		return 0
	}
	return t.UnixNano()
}

// ToTime is the inverse of FromTime.
func ToTime(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}
