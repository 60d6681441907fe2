package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// documented are the headers that downloads have, and the members of stat that headers do not tell, beside those of
// HTTP itself, with a value that counts.
var documented = map[string]control.Fate{
	"x-qn-meta-owner: me": control.Carried,
	"enduser: somebody":   control.Told,
	"x-reqid: r":          control.Apart, "x-log: l": control.Apart, "x-m-log: l": control.Apart, "x-m-reqid: r": control.Apart, "x-qiniu-zone: 0": control.Apart, "x-qnm-cache: Hit": control.Apart, "x-svr: IO": control.Apart, "content-transfer-encoding: binary": control.Apart, "expiration: 1": control.Apart, "status: 1": control.Apart,
}

// TestModelIsWhole: what becomes of every header of the object model is decided, and what is
// told comes out of GET and of Stat.
func TestModelIsWhole(t *testing.T) {
	t.Parallel()
	for header, want := range documented {
		name, value, _ := strings.Cut(header, ": ")
		for fate, names := range model {
			if is := driver.IsNotCarried(names, name, value); is != (fate == want) {
				t.Errorf("%s has the fate %d: %t, want %d", header, fate, is, want)
			}
		}
		told := []string(nil)
		if want == control.Told {
			told = []string{header}
		}
		answer := http.Header{}
		answer.Set(name, value)
		if diff := cmp.Diff(told, attributes.Object("k", answer).Attributes.NotCarried); diff != "" {
			t.Errorf("Stat of %s (-want +got):\n%s", header, diff)
		}
		if driver.IsNotCarried(getReply.NotCarried, name, value) != (want == control.Told) {
			t.Errorf("a GET with %s: %t", header, want != control.Told)
		}
	}
	if told := attributes.Object("k", http.Header{"X-Qiniu-Anything-New": {"v"}}).Attributes.NotCarried; told != nil {
		t.Errorf("told: %q", told)
	}
	if !getReply.RequestIDAlways || !putReply.RequestIDAlways {
		t.Error("an answer without a request id would count as the store's")
	}
}
