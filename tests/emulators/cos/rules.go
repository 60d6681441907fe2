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
	maxKey        = 850     // bytes, https://www.tencentcloud.com/document/product/436/13324
	maxMeta       = 2 << 10 // bytes of one x-cos-meta- header, name and value
	maxMetaTotal  = 4 << 10 // bytes of all of them, https://www.tencentcloud.com/document/product/436/7746
	metaPrefix    = "X-Cos-Meta-"
	storageClass  = "X-Cos-Storage-Class"
	aclHeader     = "X-Cos-Acl"
	encryption    = "X-Cos-Server-Side-Encryption"
	overwriteBan  = "X-Cos-Forbid-Overwrite"
	tagDirective  = "X-Cos-Tagging-Directive"
	metaDirective = "X-Cos-Metadata-Directive"
)

// checkKey refuses keys that can't be stored.
func checkKey(key string) error {
	switch {
	case len(key) > maxKey:
		return badRequest("KeyTooLong", fmt.Sprintf("Your key is too long: %d bytes, at most %d.", len(key), maxKey))
	case !utf8.ValidString(key):
		return badRequest("InvalidURI", "The key is not UTF-8.")
	case strings.HasPrefix(key, "/"), strings.HasPrefix(key, `\`):
		return badRequest("InvalidURI", `The key begins with / or \.`)
	case strings.ContainsAny(key, "\x18\x19\x1a\x1b"):
		return badRequest("InvalidURI", "The key holds one of the control characters 24 to 27.")
	}
	return nil
}

// Archived classes can't be read until they are restored.
var (
	archived = []string{"ARCHIVE", "DEEP_ARCHIVE"}
	classes  = append([]string{
		"STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "MAZ_STANDARD", "MAZ_STANDARD_IA", "MAZ_INTELLIGENT_TIERING",
	}, archived...)
	standards = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"}
	metaName  = regexp.MustCompile(`^[a-z0-9-]+$`)
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
		return "STANDARD", nil
	}
	if !slices.Contains(classes, class) {
		return "", badRequest("InvalidStorageClass", "The storage class you specified is not valid: "+class)
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
		rest, ok := strings.CutPrefix(name, metaPrefix)
		if !ok {
			continue
		}
		size := len(name) + len(strings.Join(values, ","))
		switch {
		case !metaName.MatchString(strings.ToLower(rest)):
			return invalid("A name of user metadata may have letters, digits and - only: " + name)
		case size > maxMeta:
			return badRequest("MetadataTooLarge", fmt.Sprintf("%s takes %d bytes, at most %d.", name, size, maxMeta))
		}
		total += size
		into[name] = []string{strings.Join(values, ",")}
	}
	if total > maxMetaTotal {
		return badRequest("MetadataTooLarge", fmt.Sprintf("The user metadata takes %d bytes, at most %d.", total, maxMetaTotal))
	}
	return nil
}

// keepEncryption keeps that the store's own key encrypts; keys of the client's
// or of a key service are not emulated.
func keepEncryption(into, h http.Header) error {
	for name := range h {
		if strings.HasPrefix(name, encryption+"-") {
			return &refusal{http.StatusNotImplemented, "NotImplemented", "The emulator has no " + name}
		}
	}
	switch method := h.Get(encryption); method {
	case "":
	case "AES256":
		into.Set(encryption, method)
	default:
		return &refusal{http.StatusNotImplemented, "NotImplemented", "The emulator has no encryption by " + method}
	}
	return nil
}

var tagText = regexp.MustCompile(`^[\p{L}\p{N} +\-_=.:/]*$`)

// tagsOf reads x-cos-tagging: URL-encoded pairs.
func tagsOf(h http.Header) (map[string]string, error) {
	set, err := url.ParseQuery(h.Get("x-cos-tagging"))
	if err != nil {
		return nil, invalid("x-cos-tagging is not well-formed: " + err.Error())
	}
	tags := map[string]string{}
	for key, values := range set {
		if len(values) > 1 {
			return nil, badRequest("InvalidTag", "A tag is given twice: "+key)
		}
		tags[key] = values[0]
	}
	return tags, checkTags(tags)
}

// checkTags applies https://www.tencentcloud.com/document/product/436/35709.
func checkTags(tags map[string]string) error {
	if len(tags) > 10 {
		return badRequest("InvalidTag", "An object has 10 tags at most.")
	}
	for key, value := range tags {
		if n := utf8.RuneCountInString(key); n == 0 || n > 128 || utf8.RuneCountInString(value) > 256 {
			return badRequest("InvalidTag", "A tag's key has 1 to 128 characters, its value up to 256.")
		}
		if !tagText.MatchString(key) || !tagText.MatchString(value) {
			return badRequest("InvalidTag", "A tag has letters, digits, spaces and + - _ = . : / only: "+key)
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
	if err != nil || len(want) != md5.Size {
		return badRequest("InvalidDigest", "The Content-MD5 you specified is not valid.")
	}
	if !bytes.Equal(want, sum) {
		return badRequest("BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	return nil
}
