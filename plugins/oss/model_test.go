package main

import (
	"net/http"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/control/controltest"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestModelIsWhole: what becomes of every header that OSS documents for answers to HeadObject and GetObject is
// decided, and what is told comes out of GET and of Stat.
func TestModelIsWhole(t *testing.T) {
	t.Parallel()
	controltest.Model{
		Model: model,
		Documented: map[control.Fate][]string{
			control.Carried: {
				"x-oss-meta-owner: me", "x-oss-storage-class: IA", "x-oss-version-id: v", "x-oss-hash-crc64ecma: 1", "x-oss-tagging-count: 1",
			},
			control.Told: {
				"x-oss-object-type: Appendable", "x-oss-object-type: Symlink", "x-oss-sealed-time: t", "x-oss-object-worm-mode: COMPLIANCE",
			},
			control.Apart: {
				"x-oss-object-type: Normal", "x-oss-object-type: Multipart", "x-oss-server-side-encryption: KMS",
				"x-oss-server-side-encryption-key-id: k", "x-oss-server-side-data-encryption: SM4", "x-oss-next-append-position: 1",
				"x-oss-expiration: e", "x-oss-restore: r", "x-oss-process-status: p", "x-oss-request-charged: requester",
				"x-oss-transition-time: t", "x-oss-delete-marker: true", "x-oss-request-id: id", "x-oss-server-time: 1",
				"x-oss-force-download: true", "x-oss-ec: 1",
			},
		},
		Stat: func(answer http.Header) driver.Attributes { return attributeHeaders().Object("k", answer).Attributes },
		Get:  getReply,
	}.Check(t)
	if !getReply.RequestIDAlways || !putReply.RequestIDAlways {
		t.Error("an answer without a request id would count as the store's")
	}
}
