package main

import (
	"flag"
	"net/url"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

var update = flag.Bool("update", false, "rewrite testdata/events/want")

// parser returns a bucket that can make no request, as none is made to read a
// notification.
func parser() *bucket {
	b := &bucket{endpoint: &url.URL{}, keyring: control.NewKeyring(nil)}
	b.reporter = b.newReporter()
	return b
}

// TestParseEvents reads the notifications in testdata. The documentation's sample, put,
// names a destination beside a put; it means nothing there.
func TestParseEvents(t *testing.T) {
	t.Parallel()
	drivertest.Notifications(t, parser(), "testdata/events", *update)
}

func TestForeignNotificationsAreRefused(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"Message":{"event":"put"}}`:                        `a text "Message"`,
		`{"Subject":"Qiniu KODO Notification"}`:              `a text "Message"`,
		`{"Message":"put"}`:                                  `"event" and "bucket"`,
		`{"Message":"{\"event\":\"put\",\"key\":\"k\"}"}`:    `"event" and "bucket"`,
		`{"Message":"{\"bucket\":\"b\",\"key\":\"k\"}"}`:     `"event" and "bucket"`,
		`{"Records":[{"eventName":"ObjectCreated:Put"}]}`:    `a text "Message"`,
		`{"Message":"{\"event\":\"put\",\"bucket\":\"b\"}"}`: `"key"`,
	} {
		_, err := parse([]byte(payload))
		if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", payload, err, want)
		}
	}
}

// FuzzParseEvents reads anything.
func FuzzParseEvents(f *testing.F) { drivertest.FuzzNotifications(f, parser(), "testdata/events") }
