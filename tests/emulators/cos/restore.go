package main

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// documented returns how long a restore takes at least:
// https://www.tencentcloud.com/document/product/436/12633.
func documented(class, tier string) (time.Duration, bool) {
	wait, ok := map[string]time.Duration{
		"ARCHIVE Expedited": time.Minute, "ARCHIVE Standard": 3 * time.Hour, "ARCHIVE Bulk": 5 * time.Hour,
		"DEEP_ARCHIVE Standard": 12 * time.Hour, "DEEP_ARCHIVE Bulk": 24 * time.Hour,
	}[class+" "+tier]
	return wait, ok
}

// frozen tells whether an object can't be read now.
func frozen(o *bucket.Object, now time.Time) bool {
	readable := o.Restore != nil && !now.Before(o.Restore.Ready) && now.Before(o.Restore.Expiry)
	return slices.Contains(archived, o.Class) && !readable
}

// tellRestore sets the headers that tell how far an object's restore is.
func (c *call) tellRestore(o *bucket.Object) {
	r, h := o.Restore, c.w.Header()
	switch {
	case r == nil || !c.now.Before(r.Expiry):
	case c.now.Before(r.Ready):
		h.Set("x-cos-restore", `ongoing-request="true"`)
		begun := r.Expiry.AddDate(0, 0, -r.Days)
		h.Set("x-cos-restore-status", fmt.Sprintf(`tier="%s"; request-date="%s"`, strings.ToLower(r.Tier), begun.UTC().Format(http.TimeFormat)))
	default:
		h.Set("x-cos-restore", fmt.Sprintf(`ongoing-request="false", expiry-date="%s"`, r.Expiry.UTC().Format(http.TimeFormat)))
	}
}

type restoreRequest struct {
	XMLName xml.Name `xml:"RestoreRequest"`
	Days    int
	Tier    string `xml:"CASJobParameters>Tier"`
}

// maxDays is the longest that a restored copy is kept.
const maxDays = 365

// restore is https://www.tencentcloud.com/document/product/436/12633: 202 begins
// a restore, 200 lengthens one that is done, 409 says that one is under way.
func (c *call) restore() error {
	var request restoreRequest
	if err := c.receiveXML(&request); err != nil {
		return err
	}
	if request.Days < 1 || request.Days > maxDays {
		return invalid("Days must be a number from 1 to 365.")
	}
	status := http.StatusAccepted
	err := c.store.Update(c.key, func(o *bucket.Object) error {
		if !slices.Contains(archived, o.Class) {
			return &refusal{http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object storage class."}
		}
		_, known := documented(o.Class, request.Tier)
		wait, _ := c.restoreTime(o.Class, request.Tier)
		r := o.Restore
		switch {
		case !known:
			return invalid("Tier " + request.Tier + " is not for objects of " + o.Class + ".")
		case r != nil && c.now.Before(r.Ready):
			return &refusal{http.StatusConflict, "RestoreAlreadyInProgress", "Object restore is already in progress."}
		case r != nil && c.now.Before(r.Expiry):
			status = http.StatusOK
			wait = r.Ready.Sub(c.now)
		}
		o.Restore = &bucket.Restore{
			Ready: c.now.Add(wait), Expiry: c.now.AddDate(0, 0, request.Days), Days: request.Days, Tier: request.Tier,
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.sendEmpty(status)
}
