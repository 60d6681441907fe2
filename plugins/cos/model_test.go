package main

import (
	"net/http"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/control/controltest"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestModelIsWhole: what becomes of every header that COS documents for answers to HEAD Object and GET Object is
// decided, and what is told comes out of GET and of Stat.
func TestModelIsWhole(t *testing.T) {
	t.Parallel()
	controltest.Model{
		Model: model,
		Documented: map[control.Fate][]string{
			control.Carried: {
				"x-cos-meta-owner: me", "x-cos-storage-class: MAZ_STANDARD", "x-cos-version-id: v", "x-cos-hash-crc64ecma: 1",
				"x-cos-tagging-count: 1",
			},
			control.Told: {
				"x-cos-object-type: appendable", "x-cos-object-type: symlink", "x-cos-symlink-target: t",
				"x-cos-website-redirect-location: /a", "x-cos-object-lock-mode: COMPLIANCE",
			},
			control.Apart: {
				"x-cos-object-type: normal", "x-cos-storage-tier: FREQUENT", "x-cos-restore: r", "x-cos-restore-status: tier",
				"x-cos-server-side-encryption: AES256", "x-cos-server-side-encryption-cos-kms-key-id: k",
				"x-cos-server-side-encryption-customer-algorithm: AES256", "x-cos-server-side-encryption-customer-key-md5: m",
				"x-cos-next-append-position: 1", "x-cos-replication-status: Complete", "x-cos-request-id: id", "x-cos-trace-id: t",
				"x-cos-force-download: true", "x-cos-expiration: e", "x-cos-delete-marker: true",
			},
		},
		Stat: func(answer http.Header) driver.Attributes { return attributes.Object("k", answer).Attributes },
		Get:  getReply,
	}.Check(t)
	if !getReply.RequestIDAlways || !putReply.RequestIDAlways {
		t.Error("an answer without a request id would count as the store's")
	}
}
