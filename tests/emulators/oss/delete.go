package main

import (
	"encoding/xml"
	"net/http"
)

// deleteObject is https://help.aliyun.com/en/oss/developer-reference/deleteobject:
// it succeeds though there is no such object.
func (c *call) deleteObject() error {
	if _, err := c.store.Delete(c.key); err != nil {
		return err
	}
	return c.sendEmpty(http.StatusNoContent)
}

type deleteRequest struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool
	Objects []struct {
		Key string
	} `xml:"Object"`
}

type deleteResult struct {
	XMLName      xml.Name       `xml:"DeleteResult"`
	EncodingType string         `xml:",omitempty"`
	Deleted      []deletedEntry `xml:"Deleted"`
}

type deletedEntry struct {
	Key text
}

// deleteMultiple is https://help.aliyun.com/en/oss/developer-reference/deletemultipleobjects.
func (c *call) deleteMultiple() error {
	e, err := c.encoding()
	if err != nil {
		return err
	}
	if c.r.Header.Get("Content-Md5") == "" {
		missing := badRequest("MissingArgument", "Missing Some Required Arguments.")
		missing.details = [][2]string{{"ArgumentName", "Content-MD5"}}
		return missing
	}
	body, err := c.receiveDocument()
	if err != nil {
		return err
	}
	var request deleteRequest
	if err := parseXML(body, &request); err != nil {
		return err
	}
	if len(request.Objects) == 0 || len(request.Objects) > maxKeys {
		return malformedXML()
	}
	result := deleteResult{EncodingType: e.name}
	for _, o := range request.Objects {
		key := showControls(o.Key)
		if _, err := c.store.Delete(key); err != nil {
			return err
		}
		result.Deleted = append(result.Deleted, deletedEntry{e.encode(key)})
	}
	if request.Quiet {
		return c.sendEmpty(http.StatusOK)
	}
	c.sendXML(http.StatusOK, result)
	return nil
}
