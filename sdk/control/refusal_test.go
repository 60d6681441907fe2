package control

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dth-dev/dth/sdk/driver"
)

// dialects of an imagined store, in XML and in JSON.
func dialects() map[string]Dialect {
	rules := []driver.ErrorRule{{Code: "Busy", Kind: driver.KindThrottled}, {Status: 612, Kind: driver.KindNotFound}}
	return map[string]Dialect{
		"xml":  {Name: "XYZ", RequestID: []string{"x-xyz-id", "x-log"}, Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message", Rules: rules}},
		"json": {Name: "XYZ", RequestID: []string{"x-xyz-id", "x-log"}, Error: driver.ErrorReply{Source: driver.SourceJSON, Code: "error_code", Message: "error", Rules: rules}},
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	documents := map[string]func(code, message string) string{
		"xml": func(code, message string) string {
			return "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"
		},
		"json": func(code, message string) string {
			return `{"error_code":"` + code + `","error":"` + message + `"}`
		},
	}
	cases := map[string]struct {
		status        int
		header        map[string]string
		code, message string
		want          driver.Error
	}{
		"rule by code": {400, map[string]string{"x-xyz-id": "1", "Retry-After": "7"}, "Busy", "later",
			driver.Error{Kind: driver.KindThrottled, Code: "Busy", Status: 400, RequestID: "1", RetryAfter: 7 * time.Second, Message: "later"}},
		"rule by status, other id": {612, map[string]string{"x-log": "2"}, "", "",
			driver.Error{Kind: driver.KindNotFound, Status: 612, RequestID: "2", Message: "HTTP 612"}},
		"first id wins": {404, map[string]string{"x-xyz-id": "1", "x-log": "2"}, "", "",
			driver.Error{Kind: driver.KindNotFound, Status: 404, RequestID: "1", Message: "not found"}},
		"code without id": {403, nil, "Denied", "no",
			driver.Error{Kind: driver.KindDenied, Code: "Denied", Status: 403, Message: "no"}},
		"failure inside a success": {200, map[string]string{"x-xyz-id": "1"}, "Odd", "sorry",
			driver.Error{Kind: driver.KindUnavailable, Code: "Odd", Status: 200, RequestID: "1", Message: "sorry"}},
		"somebody else's page": {404, map[string]string{"Content-Type": "text/html; charset=utf-8"}, "", "",
			driver.Error{Kind: driver.KindInvalidArgument, Status: 404, Message: "the endpoint does not speak XYZ: it answers HTTP 404 with text/html: " +
				"give the address of the store's XYZ interface, with the right port and the right one of http and https"}},
		"an overloaded balancer": {502, nil, "", "",
			driver.Error{Kind: driver.KindUnavailable, Status: 502, Message: "bad gateway"}},
		"a balancer that slows down": {429, nil, "", "",
			driver.Error{Kind: driver.KindThrottled, Status: 429, Message: "too many requests"}},
	}
	for form, dialect := range dialects() {
		for name, test := range cases {
			t.Run(form+" "+name, func(t *testing.T) {
				t.Parallel()
				header := http.Header{}
				for name, value := range test.header {
					header.Set(name, value)
				}
				got := dialect.Failure(dialect.ReadRefusal(Answer{test.status, header, []byte(documents[form](test.code, test.message))}))
				if diff := cmp.Diff(test.want, *got, cmpopts.EquateErrors()); diff != "" {
					t.Errorf("failure (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	dialect := dialects()["xml"]
	for text, want := range map[string]time.Duration{
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): time.Hour, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0, "soon": 0, "-3": 0,
	} {
		header := http.Header{"Retry-After": {text}}
		if got := dialect.Failure(Refusal{Status: 503, Header: header}).RetryAfter; got > want || got < want-time.Minute {
			t.Errorf("Retry-After %q = %v, want about %v", text, got, want)
		}
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	cause := errors.New("no listing")
	failure := dialects()["xml"].Foreign("a listing", Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}, "X-Log": {"2"}}}, cause)
	if failure.Kind != driver.KindInvalidArgument || failure.Status != 200 || failure.RequestID != "2" || !errors.Is(failure, cause) ||
		!strings.Contains(failure.Message, "does not speak XYZ: it answers a listing with text/html: give") {
		t.Errorf("Foreign = %+v", *failure)
	}
}

func TestKnows(t *testing.T) {
	t.Parallel()
	dialect := dialects()["xml"]
	for code, want := range map[string]bool{"Busy": true, "NotFound": false, "": false} {
		if got := dialect.Knows(code); got != want {
			t.Errorf("Knows(%q) = %v, want %v", code, got, want)
		}
	}
}

// TestAbsenceIsForTheStoreToSay: a 404 in the store's words without its request id is a
// proxy's, where the store always sends one.
func TestAbsenceIsForTheStoreToSay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		always bool
		id     string
		want   driver.Kind
	}{
		"the store's":            {true, "id", driver.KindNotFound},
		"a proxy's":              {true, "", driver.KindUnavailable},
		"of a store without ids": {false, "", driver.KindNotFound},
	} {
		dialect := dialects()["xml"]
		dialect.Always = test.always
		header := http.Header{}
		if test.id != "" {
			header.Set("X-Xyz-Id", test.id)
		}
		failure := dialect.Failure(Refusal{Status: 404, Code: "NoSuchKey", Header: header})
		if failure.Kind != test.want || (failure.Code == "NoSuchKey") != (test.want == driver.KindNotFound) {
			t.Errorf("%s: %v (%s)", name, failure, failure.Kind)
		}
	}
}
