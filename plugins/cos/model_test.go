package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// documented are the headers that COS documents for answers to HEAD Object and GET Object, beside those of
// HTTP itself, with a value that counts.
var documented = map[string]control.Fate{
	"x-cos-meta-owner: me": control.Carried, "x-cos-storage-class: MAZ_STANDARD": control.Carried, "x-cos-version-id: v": control.Carried, "x-cos-hash-crc64ecma: 1": control.Carried, "x-cos-tagging-count: 1": control.Carried,
	"x-cos-object-type: appendable": control.Told, "x-cos-object-type: symlink": control.Told, "x-cos-symlink-target: t": control.Told, "x-cos-website-redirect-location: /a": control.Told, "x-cos-object-lock-mode: COMPLIANCE": control.Told,
	"x-cos-object-type: normal": control.Apart, "x-cos-storage-tier: FREQUENT": control.Apart, "x-cos-restore: r": control.Apart, "x-cos-restore-status: tier": control.Apart, "x-cos-server-side-encryption: AES256": control.Apart, "x-cos-server-side-encryption-cos-kms-key-id: k": control.Apart, "x-cos-server-side-encryption-customer-algorithm: AES256": control.Apart, "x-cos-server-side-encryption-customer-key-md5: m": control.Apart, "x-cos-next-append-position: 1": control.Apart, "x-cos-replication-status: Complete": control.Apart, "x-cos-request-id: id": control.Apart, "x-cos-trace-id: t": control.Apart, "x-cos-force-download: true": control.Apart, "x-cos-expiration: e": control.Apart, "x-cos-delete-marker: true": control.Apart,
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
	if told := attributes.Object("k", http.Header{"X-Cos-Anything-New": {"v"}}).Attributes.NotCarried; told != nil {
		t.Errorf("told: %q", told)
	}
	if !getReply.RequestIDAlways || !putReply.RequestIDAlways {
		t.Error("an answer without a request id would count as the store's")
	}
}
