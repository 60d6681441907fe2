package main

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// frozen tells whether an object is archived and not restored.
func frozen(o *bucket.Object, now time.Time) bool {
	if !slices.Contains(archived, o.Class) {
		return false
	}
	return o.Restore == nil || now.Before(o.Restore.Ready) || now.After(o.Restore.Expiry)
}

// restoreState describes an object's restore, "" if none counts.
func restoreState(o *bucket.Object, now time.Time) string {
	switch {
	case o.Restore == nil || now.After(o.Restore.Expiry):
		return ""
	case now.Before(o.Restore.Ready):
		return `ongoing-request="true"`
	default:
		return fmt.Sprintf(`ongoing-request="false", expiry-date="%s"`, o.Restore.Expiry.UTC().Format(http.TimeFormat))
	}
}

// documented is how long a restore takes at most, by class and priority:
// https://help.aliyun.com/en/oss/developer-reference/restoreobject.
func documented(class, tier string) (time.Duration, bool) {
	wait, ok := map[string]time.Duration{
		"Archive/":                  time.Minute,
		"ColdArchive/Expedited":     time.Hour,
		"ColdArchive/Standard":      5 * time.Hour,
		"ColdArchive/Bulk":          12 * time.Hour,
		"DeepColdArchive/Expedited": 12 * time.Hour,
		"DeepColdArchive/Standard":  48 * time.Hour,
	}[class+"/"+tier]
	return wait, ok
}

type restoreRequest struct {
	XMLName xml.Name `xml:"RestoreRequest"`
	Days    int
	Tier    string `xml:"JobParameters>Tier"`
}

// restore is https://help.aliyun.com/en/oss/developer-reference/restoreobject.
func (c *call) restore() error {
	body, err := c.receiveDocument()
	if err != nil {
		return err
	}
	request := restoreRequest{Days: 1}
	if len(body) > 0 {
		if err := parseXML(body, &request); err != nil {
			return err
		}
	}
	status := http.StatusAccepted
	err = c.store.Update(c.key, func(o *bucket.Object) error {
		if !slices.Contains(archived, o.Class) {
			return badRequest("OperationNotSupported", "The operation is not supported for this resource").because("0016-00000702")
		}
		again := o.Restore != nil && !c.now.After(o.Restore.Expiry)
		if again && c.now.Before(o.Restore.Ready) {
			return &refusal{status: http.StatusConflict, code: "RestoreAlreadyInProgress", ec: "0016-00000701", message: "The restore operation is in progress."}
		}
		ready, err := c.restored(o.Class, &request)
		if err != nil {
			return err
		}
		if again { // it stays readable for longer, from now on
			status, ready = http.StatusOK, c.now
		}
		o.Restore = &bucket.Restore{Ready: ready, Expiry: ready.Add(time.Duration(request.Days) * 24 * time.Hour), Days: request.Days, Tier: request.Tier}
		return nil
	})
	if err != nil {
		return err
	}
	if request.Tier != "" {
		c.w.Header().Set("x-oss-object-restore-priority", request.Tier)
	}
	return c.sendEmpty(status)
}

// restored tells when a restore that begins now is ready, and sets the request's
// default priority. Archive knows no priorities and fewer days.
func (c *call) restored(class string, request *restoreRequest) (time.Time, error) {
	longest := 365
	switch {
	case class == "Archive":
		longest, request.Tier = 7, ""
	case request.Tier == "":
		request.Tier = standard
	}
	wait, ok := c.restoreTime(class, request.Tier)
	if !ok || request.Days < 1 || request.Days > longest {
		return time.Time{}, malformedXML()
	}
	return c.now.Add(wait), nil
}
