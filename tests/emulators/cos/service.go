package main

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"
)

// account names the one account that there is.
func account() owner {
	const id = "qcs::cam::uin/100000000001:uin/100000000001"
	return owner{ID: id, DisplayName: "100000000001"}
}

type serviceResult struct {
	XMLName xml.Name      `xml:"ListAllMyBucketsResult"`
	Owner   owner         `xml:"Owner"`
	Buckets []bucketEntry `xml:"Buckets>Bucket"`
}

type bucketEntry struct {
	Name         string
	Location     string
	CreationDate string
}

// getService is https://www.tencentcloud.com/document/product/436/8291. The
// buckets can be chosen by region, in the query or by the Host.
func (c *call) getService() error {
	region := c.query.Get("region")
	if domain := defaultDomain.FindStringSubmatch(strings.Split(c.r.Host, ":")[0]); domain != nil && region == "" {
		region = domain[2]
	}
	result := serviceResult{Owner: account()}
	for _, name := range c.names {
		if region == "" || region == c.region {
			result.Buckets = append(result.Buckets, bucketEntry{name, c.region, c.created.UTC().Format(time.RFC3339)})
		}
	}
	c.sendXML(http.StatusOK, result)
	return nil
}

// headBucket is https://www.tencentcloud.com/document/product/436/7735.
func (c *call) headBucket() error {
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.Header().Set("x-cos-bucket-region", c.region)
	return c.sendEmpty(http.StatusOK)
}

// getLocation is https://www.tencentcloud.com/document/product/436/8275.
func (c *call) getLocation() error {
	c.sendXML(http.StatusOK, struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: c.region})
	return nil
}

// getVersioning is https://www.tencentcloud.com/document/product/436/19888: of a
// bucket that never had versions.
func (c *call) getVersioning() error {
	c.sendXML(http.StatusOK, struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
	}{})
	return nil
}
