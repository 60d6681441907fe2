package main

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// owner names an account.
type owner struct {
	ID          string
	DisplayName string
}

// account is the one account that there is.
func account() owner { return owner{ID: "1000000000000001", DisplayName: "1000000000000001"} }

type bucketEntry struct {
	CreationDate     string
	ExtranetEndpoint string
	IntranetEndpoint string
	Location         string
	Name             string
	Region           string `xml:",omitempty"`
	StorageClass     string
}

func (c *call) entry(name string) bucketEntry {
	location := "oss-" + c.region
	return bucketEntry{
		CreationDate: stamp(c.created), ExtranetEndpoint: location + ".aliyuncs.com", IntranetEndpoint: location + "-internal.aliyuncs.com",
		Location: location, Name: name, StorageClass: standard,
	}
}

// listBuckets is https://help.aliyun.com/en/oss/developer-reference/listbuckets,
// in one page.
func (c *call) listBuckets() error {
	result := struct {
		XMLName xml.Name      `xml:"ListAllMyBucketsResult"`
		Owner   owner         `xml:"Owner"`
		Buckets []bucketEntry `xml:"Buckets>Bucket"`
	}{Owner: account()}
	for _, name := range c.names {
		if strings.HasPrefix(name, c.query.Get("prefix")) && name > c.query.Get("marker") {
			entry := c.entry(name)
			entry.Region = c.region
			result.Buckets = append(result.Buckets, entry)
		}
	}
	c.sendXML(http.StatusOK, result)
	return nil
}

type bucketInfo struct {
	bucketEntry
	TransferAcceleration   string
	CrossRegionReplication string
	DataRedundancyType     string
	Owner                  owner
	Grant                  string `xml:"AccessControlList>Grant"`
	Comment                string
}

// getInfo is https://help.aliyun.com/en/oss/developer-reference/getbucketinfo.
func (c *call) getInfo() error {
	c.sendXML(http.StatusOK, struct {
		XMLName xml.Name   `xml:"BucketInfo"`
		Bucket  bucketInfo `xml:"Bucket"`
	}{Bucket: bucketInfo{
		bucketEntry: c.entry(c.bucket), TransferAcceleration: "Disabled", CrossRegionReplication: "Disabled",
		DataRedundancyType: "LRS", Owner: account(), Grant: "private",
	}})
	return nil
}

// getLocation is https://help.aliyun.com/en/oss/developer-reference/getbucketlocation.
func (c *call) getLocation() error {
	c.sendXML(http.StatusOK, struct {
		XMLName  xml.Name `xml:"LocationConstraint"`
		Location string   `xml:",chardata"`
	}{Location: "oss-" + c.region})
	return nil
}

// getVersioning is https://help.aliyun.com/en/oss/developer-reference/getbucketversioning:
// of a bucket that never had versions.
func (c *call) getVersioning() error {
	c.sendXML(http.StatusOK, struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
	}{})
	return nil
}

type accessPolicy struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Owner   owner
	Grant   string `xml:"AccessControlList>Grant"`
}

// getBucketACL is https://help.aliyun.com/en/oss/developer-reference/getbucketacl.
func (c *call) getBucketACL() error {
	c.sendXML(http.StatusOK, accessPolicy{Owner: account(), Grant: "private"})
	return nil
}

// getObjectACL is https://help.aliyun.com/en/oss/developer-reference/getobjectacl.
// Rules are kept and told; as every request must be signed, they open nothing.
func (c *call) getObjectACL() error {
	o, ok := c.store.Get(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	rule := o.Header.Get(aclHeader)
	if rule == "" {
		rule = "default"
	}
	c.sendXML(http.StatusOK, accessPolicy{Owner: account(), Grant: rule})
	return nil
}

// putObjectACL is https://help.aliyun.com/en/oss/developer-reference/putobjectacl.
func (c *call) putObjectACL() error {
	given := http.Header{}
	if err := keepACL(given, c.r.Header); err != nil {
		return err
	}
	err := c.store.Update(c.key, func(o *bucket.Object) error {
		o.Header.Del(aclHeader)
		if rule := given.Get(aclHeader); rule != "" {
			o.Header.Set(aclHeader, rule)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.sendEmpty(http.StatusOK)
}
