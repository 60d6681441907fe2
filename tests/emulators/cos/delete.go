package main

import (
	"encoding/xml"
	"net/http"
)

// deleteObject is https://www.tencentcloud.com/document/product/436/7743. It
// answers alike whether there was an object or not.
func (c *call) deleteObject() error {
	if _, err := c.store.Delete(c.key); err != nil {
		return err
	}
	return c.sendEmpty(http.StatusNoContent)
}

// maxDeletions is the most keys of one request.
const maxDeletions = 1000

type deleteRequest struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool
	Objects []struct {
		Key       string
		VersionID string `xml:"VersionId"`
	} `xml:"Object"`
}

type deleteResult struct {
	XMLName xml.Name `xml:"DeleteResult"`
	Deleted []deletedEntry
	Error   []failedEntry
}

type deletedEntry struct{ Key text }

type failedEntry struct {
	Key     text
	Code    string
	Message string
}

// deleteMultiple is https://www.tencentcloud.com/document/product/436/8289.
func (c *call) deleteMultiple() error {
	if c.r.Header.Get("Content-Md5") == "" {
		return badRequest("MissingContentMD5", "Missing required header for this request: Content-MD5.")
	}
	var request deleteRequest
	if err := c.receiveXML(&request); err != nil {
		return err
	}
	if n := len(request.Objects); n == 0 || n > maxDeletions {
		return badRequest("MalformedXML", "A request deletes 1 to 1000 objects, not "+itoa(n)+".")
	}
	var result deleteResult
	for _, o := range request.Objects {
		if o.Key == "" || o.VersionID != "" {
			result.Error = append(result.Error, failedEntry{text(o.Key), "InvalidArgument", "A key without a version is wanted."})
			continue
		}
		if _, err := c.store.Delete(o.Key); err != nil {
			return err
		}
		if !request.Quiet {
			result.Deleted = append(result.Deleted, deletedEntry{text(o.Key)})
		}
	}
	c.sendXML(http.StatusOK, result)
	return nil
}
