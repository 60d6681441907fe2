package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// documented are the headers that OSS documents for answers to HeadObject and GetObject, beside those of
// HTTP itself, with a value that counts.
var documented = map[string]control.Fate{
	"x-oss-meta-owner: me": control.Carried, "x-oss-storage-class: IA": control.Carried, "x-oss-version-id: v": control.Carried, "x-oss-hash-crc64ecma: 1": control.Carried, "x-oss-tagging-count: 1": control.Carried,
	"x-oss-object-type: Appendable": control.Told, "x-oss-object-type: Symlink": control.Told, "x-oss-sealed-time: t": control.Told, "x-oss-object-worm-mode: COMPLIANCE": control.Told,
	"x-oss-object-type: Normal": control.Apart, "x-oss-object-type: Multipart": control.Apart, "x-oss-server-side-encryption: KMS": control.Apart, "x-oss-server-side-encryption-key-id: k": control.Apart, "x-oss-server-side-data-encryption: SM4": control.Apart, "x-oss-next-append-position: 1": control.Apart, "x-oss-expiration: e": control.Apart, "x-oss-restore: r": control.Apart, "x-oss-process-status: p": control.Apart, "x-oss-request-charged: requester": control.Apart, "x-oss-transition-time: t": control.Apart, "x-oss-delete-marker: true": control.Apart, "x-oss-request-id: id": control.Apart, "x-oss-server-time: 1": control.Apart, "x-oss-force-download: true": control.Apart, "x-oss-ec: 1": control.Apart,
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
		if diff := cmp.Diff(told, attributeHeaders().Object("k", answer).Attributes.NotCarried); diff != "" {
			t.Errorf("Stat of %s (-want +got):\n%s", header, diff)
		}
		if driver.IsNotCarried(getReply.NotCarried, name, value) != (want == control.Told) {
			t.Errorf("a GET with %s: %t", header, want != control.Told)
		}
	}
	if told := attributeHeaders().Object("k", http.Header{"X-Oss-Anything-New": {"v"}}).Attributes.NotCarried; told != nil {
		t.Errorf("told: %q", told)
	}
	if !getReply.RequestIDAlways || !putReply.RequestIDAlways {
		t.Error("an answer without a request id would count as the store's")
	}
}
