package main

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

const (
	maxKey        = 1023    // bytes, https://help.aliyun.com/en/oss/user-guide/object-naming-conventions
	maxMeta       = 8 << 10 // bytes of all x-oss-meta- headers, names and values: https://help.aliyun.com/en/oss/user-guide/0011-00000002
	standard      = "Standard"
	metaPrefix    = "X-Oss-Meta-"
	storageClass  = "X-Oss-Storage-Class"
	aclHeader     = "X-Oss-Object-Acl"
	encryption    = "X-Oss-Server-Side-Encryption"
	overwriteBan  = "X-Oss-Forbid-Overwrite"
	copySource    = "X-Oss-Copy-Source"
	tagDirective  = "X-Oss-Tagging-Directive"
	metaDirective = "X-Oss-Metadata-Directive"
)

// checkKey refuses keys that can't be stored.
func checkKey(key string) error {
	switch {
	case len(key) > maxKey:
		return badRequest("InvalidObjectName", "The length of object name must be less than 1024.")
	case !utf8.ValidString(key):
		return badRequest("InvalidObjectName", "The object name is not encoded in UTF-8.").because("0016-00000004")
	case strings.HasPrefix(key, "/"), strings.HasPrefix(key, `\`):
		return badRequest("InvalidObjectName", `The object name must not begin with / or \.`)
	}
	return nil
}

// Archived classes can't be read until they are restored.
var (
	archived  = []string{"Archive", "ColdArchive", "DeepColdArchive"}
	classes   = append([]string{standard, "IA"}, archived...)
	standards = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"}
	metaName  = regexp.MustCompile(`^[a-z0-9-]+$`)
	acls      = []string{"default", "private", "public-read", "public-read-write"}
)

// describe reads from a request's headers all that is kept of an object beside
// its body.
func describe(key string, h http.Header) (bucket.Object, error) {
	o := bucket.Object{Key: key, Header: http.Header{}}
	if err := checkKey(key); err != nil {
		return o, err
	}
	if err := keepHeaders(o.Header, h); err != nil {
		return o, err
	}
	var err error
	if o.Class, err = class(h); err != nil {
		return o, err
	}
	if err := keepACL(o.Header, h); err != nil {
		return o, err
	}
	if err := keepEncryption(o.Header, h); err != nil {
		return o, err
	}
	o.Tags, err = tagsOf(h)
	return o, err
}

func class(h http.Header) (string, error) {
	class := h.Get(storageClass)
	if class == "" {
		return standard, nil
	}
	if !slices.Contains(classes, class) {
		e := invalid("The storage class you specified is invalid.")
		e.details = [][2]string{{"ArgumentName", "x-oss-storage-class"}, {"ArgumentValue", class}}
		return "", e
	}
	return class, nil
}

// keepHeaders keeps the standard headers and the user's own ones.
func keepHeaders(into, h http.Header) error {
	for _, name := range standards {
		if value := h.Get(name); value != "" {
			into.Set(name, value)
		}
	}
	if into.Get("Content-Type") == "" {
		into.Set("Content-Type", "application/octet-stream")
	}
	total := 0
	for name, values := range h {
		rest, ok := strings.CutPrefix(http.CanonicalHeaderKey(name), metaPrefix)
		if !ok {
			continue
		}
		value := strings.Join(values, ",")
		switch {
		case !metaName.MatchString(strings.ToLower(rest)):
			return invalid("The name of user metadata may have letters, digits and - only: " + name).because("0011-00000004")
		case strings.ContainsFunc(value, invisible):
			return invalid("The value of user metadata may have visible ASCII characters only: " + name).because("0011-00000005")
		}
		total += len(name) + len(value)
		into[http.CanonicalHeaderKey(name)] = []string{value}
	}
	if total > maxMeta {
		return invalid(fmt.Sprintf("The user metadata takes %d bytes, at most %d.", total, maxMeta)).because("0011-00000002")
	}
	return nil
}

func invisible(r rune) bool { return r < ' ' || r > '~' }

func keepACL(into, h http.Header) error {
	switch rule := h.Get(aclHeader); {
	case rule == "" || rule == "default":
	case slices.Contains(acls, rule):
		into.Set(aclHeader, rule)
	default:
		return invalid("The object acl you specified is invalid: " + rule)
	}
	return nil
}

// keepEncryption keeps that the store's own key encrypts; keys of a key service
// are not emulated.
func keepEncryption(into, h http.Header) error {
	switch method := h.Get(encryption); method {
	case "":
	case "AES256":
		into.Set(encryption, method)
	case "KMS", "SM4":
		return &refusal{status: http.StatusForbidden, code: "KmsServiceNotEnabled", message: "KMS is not enabled: the emulator has no key service."}
	default:
		return badRequest("InvalidEncryptionAlgorithmError", "The encryption method you specified is not valid: "+method)
	}
	return nil
}

var tagText = regexp.MustCompile(`^[A-Za-z0-9 +\-=._:/]*$`)

// tagsOf reads x-oss-tagging: URL-encoded pairs.
func tagsOf(h http.Header) (map[string]string, error) {
	set, err := url.ParseQuery(h.Get("x-oss-tagging"))
	if err != nil {
		return nil, invalid("The header x-oss-tagging is not well-formed.")
	}
	tags := map[string]string{}
	for key, values := range set {
		if len(values) > 1 {
			return nil, invalidTag("A tag is given twice: " + key)
		}
		tags[key] = values[0]
	}
	return tags, checkTags(tags)
}

func invalidTag(message string) *refusal {
	return badRequest("InvalidTag", message).because("0010-00000217")
}

// checkTags applies https://help.aliyun.com/en/oss/user-guide/0010-00000217.
func checkTags(tags map[string]string) error {
	if len(tags) > 10 {
		return invalidTag("Object tags cannot be greater than 10")
	}
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 {
			return invalidTag("A tag's key has 1 to 128 characters, its value up to 256.")
		}
		if !tagText.MatchString(key) || !tagText.MatchString(value) {
			return invalidTag("A tag has letters, digits, spaces and + - = . _ : / only: " + key)
		}
	}
	return nil
}

func md5Of(body []byte) []byte {
	sum := md5.Sum(body)
	return sum[:]
}

// checkMD5 compares a body's MD5 with Content-MD5, if that is given.
func checkMD5(h http.Header, sum []byte) error {
	given := h.Get("Content-Md5")
	if given == "" {
		return nil
	}
	want, err := base64.StdEncoding.DecodeString(given)
	if err != nil || len(want) != md5.Size || !bytes.Equal(want, sum) {
		e := badRequest("InvalidDigest", "The Content-MD5 you specified was invalid.")
		e.details = [][2]string{{"Content-MD5", given}}
		return e
	}
	return nil
}
