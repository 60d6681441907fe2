package main

import (
	"net/http"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/control/controltest"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestModelIsWhole: what becomes of every header of a download is decided, and of the members of
// stat that headers do not tell; what is told comes out of GET and of Stat.
func TestModelIsWhole(t *testing.T) {
	t.Parallel()
	controltest.Model{
		Model: model,
		Documented: map[control.Fate][]string{
			control.Carried: {"x-qn-meta-owner: me"},
			control.Told:    {"enduser: somebody"},
			control.Apart: {
				"x-reqid: r", "x-log: l", "x-m-log: l", "x-m-reqid: r", "x-qiniu-zone: 0", "x-qnm-cache: Hit", "x-svr: IO",
				"content-transfer-encoding: binary", "expiration: 1", "status: 1",
			},
		},
		Stat: func(answer http.Header) driver.Attributes { return attributes.Object("k", answer).Attributes },
		Get:  getReply,
	}.Check(t)
	if !getReply.RequestIDAlways || !putReply.RequestIDAlways {
		t.Error("an answer without a request id would count as the store's")
	}
}
