package main

import (
	"encoding/xml"
	"net/http"
	"slices"
	"sync"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// Canned access rules, https://www.tencentcloud.com/document/product/436/30583.
// They are kept and told; as every request must be signed, they open nothing.
var (
	ofBuckets = []string{"private", "public-read", "public-read-write", "authenticated-read"}
	ofObjects = []string{"default", "private", "public-read", "authenticated-read", "bucket-owner-read", "bucket-owner-full-control"}
)

// aclByBucket keeps the buckets' own rules.
type aclByBucket struct {
	mu    sync.Mutex
	rules map[string]string
}

// keepACL keeps the canned rule of an object that is written.
func keepACL(into, h http.Header) error {
	rule, err := cannedACL(h, ofObjects, "default")
	if rule != "default" {
		into.Set(aclHeader, rule)
	}
	return err
}

func cannedACL(h http.Header, known []string, fallback string) (string, error) {
	rule := h.Get(aclHeader)
	switch {
	case rule == "":
		return fallback, nil
	case !slices.Contains(known, rule):
		return fallback, invalid("x-cos-acl does not know " + rule)
	}
	return rule, nil
}

type accessPolicy struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Owner   owner
	Grants  []grant `xml:"AccessControlList>Grant"`
}

type grant struct {
	Grantee    grantee
	Permission string
}

type grantee struct {
	Space       string `xml:"xmlns:xsi,attr"`
	Type        string `xml:"xsi:type,attr"`
	URI         string `xml:",omitempty"`
	ID          string `xml:",omitempty"`
	DisplayName string `xml:",omitempty"`
}

const (
	schema   = "http://www.w3.org/2001/XMLSchema-instance"
	everyone = "http://cam.qcloud.com/groups/global/AllUsers"
)

func policy(rule string) accessPolicy {
	who := account()
	p := accessPolicy{Owner: who, Grants: []grant{{
		Grantee:    grantee{Space: schema, Type: "CanonicalUser", ID: who.ID, DisplayName: who.DisplayName},
		Permission: "FULL_CONTROL",
	}}}
	public := map[string][]string{"public-read": {"READ"}, "public-read-write": {"READ", "WRITE"}}
	for _, permission := range public[rule] {
		p.Grants = append(p.Grants, grant{grantee{Space: schema, Type: "Group", URI: everyone}, permission})
	}
	return p
}

// getBucketACL is https://www.tencentcloud.com/document/product/436/7733.
func (c *call) getBucketACL() error {
	c.acl.mu.Lock()
	rule := c.acl.rules[c.bucket]
	c.acl.mu.Unlock()
	c.sendXML(http.StatusOK, policy(rule))
	return nil
}

// putBucketACL is https://www.tencentcloud.com/document/product/436/7737, by header.
func (c *call) putBucketACL() error {
	rule, err := c.givenACL(ofBuckets, "private")
	if err != nil {
		return err
	}
	c.acl.mu.Lock()
	if c.acl.rules == nil {
		c.acl.rules = map[string]string{}
	}
	c.acl.rules[c.bucket] = rule
	c.acl.mu.Unlock()
	return c.sendEmpty(http.StatusOK)
}

// getObjectACL is https://www.tencentcloud.com/document/product/436/7744.
func (c *call) getObjectACL() error {
	o, ok := c.store.Get(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	c.sendXML(http.StatusOK, policy(o.Header.Get(aclHeader)))
	return nil
}

// putObjectACL is https://www.tencentcloud.com/document/product/436/7748, by header.
func (c *call) putObjectACL() error {
	rule, err := c.givenACL(ofObjects, "default")
	if err != nil {
		return err
	}
	err = c.store.Update(c.key, func(o *bucket.Object) error {
		o.Header.Set(aclHeader, rule)
		return nil
	})
	if err != nil {
		return err
	}
	return c.sendEmpty(http.StatusOK)
}

func (c *call) givenACL(known []string, fallback string) (string, error) {
	if c.r.ContentLength > 0 {
		return "", &refusal{http.StatusNotImplemented, "NotImplemented", "The emulator takes access rules by x-cos-acl alone."}
	}
	return cannedACL(c.r.Header, known, fallback)
}
