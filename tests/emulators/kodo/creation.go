package main

import (
	"maps"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/kodo/internal/credential"
)

// What is kept of an object beside its body, in bucket.Object.Header, under names
// that can't be those of headers.
const (
	endUserNote    = "endUser"
	statusNote     = "status"     // "1": disabled
	lastModifyNote = "lastModify" // in 100 ns
	expirationNote = "expiration" // Unix seconds
)

const metaPrefix = "x-qn-meta-"

// systemHeaders are the headers that an upload may set, by the names that it has
// for them.
//
// Source: https://developer.qiniu.com/kodo/api/upload, https://developer.qiniu.com/kodo/6368/complete-multipart-upload.
var systemHeaders = map[string]string{
	"cacheControl":       "Cache-Control",
	"contentLanguage":    "Content-Language",
	"contentEncoding":    "Content-Encoding",
	"contentDisposition": "Content-Disposition",
	"expires":            "Expires",
}

// creation is an upload that came to its end, and is to become an object.
type creation struct {
	policy   *credential.Policy
	key      string
	named    bool // the client said the key
	fileName string
	mimeType string
	header   http.Header       // system headers and metadata
	vars     map[string]string // x:NAME
	size     int64
	hash     string
	front    []byte // the body's first bytes
	endures  bool   // a token of a whole bucket overwrites nothing; mkfile is the exception
}

// object checks what the policy asks of an upload, and returns the object without
// its body.
func (c *creation) object(now time.Time) (bucket.Object, error) {
	p := c.policy
	if err := p.Expired(now); err != nil {
		return bucket.Object{}, err
	}
	if err := c.name(); err != nil {
		return bucket.Object{}, err
	}
	switch {
	case p.FsizeLimit > 0 && c.size > p.FsizeLimit:
		return bucket.Object{}, errTooLarge
	case c.size < p.FsizeMin:
		return bucket.Object{}, &refusal{http.StatusForbidden, "file size is less than FsizeMin"}
	case p.FileType < 0 || p.FileType > 5:
		return bucket.Object{}, errArgument
	case !mimeAllowed(p.MimeLimit, detected(c.front)):
		return bucket.Object{}, &refusal{http.StatusForbidden, "limited mimeType: this file type is forbidden to upload"}
	}
	if err := checkMeta(c.header); err != nil {
		return bucket.Object{}, err
	}
	header := http.Header{"Content-Type": {c.contentType()}}
	maps.Copy(header, c.header)
	if p.EndUser != "" {
		header[endUserNote] = []string{p.EndUser}
	}
	if p.DeleteAfterDays > 0 {
		header[expirationNote] = []string{midnightAfter(now, p.DeleteAfterDays)}
	}
	return bucket.Object{Key: c.key, Modified: now, ETag: c.hash, Class: string(rune('0' + p.FileType)), Header: header}, nil
}

// name settles the object's key and checks it.
func (c *creation) name() error {
	switch p := c.policy; {
	case p.SaveKey != "" && (!c.named || p.ForceSaveKey):
		c.key = c.expand(p.SaveKey, func(value any) string { return strings.Trim(jsonText(value), `"`) })
	case !c.named:
		c.key = c.hash
	}
	if err := checkKey(c.key); err != nil {
		return err
	}
	if !c.policy.Allows(c.key) {
		return errScope
	}
	return nil
}

// errSame says that the object is there already with this content, which is as
// good as storing it.
var errSame = &refusal{http.StatusOK, "the same object is there"}

// allow says whether the object may replace an old one.
func (c *creation) allow(old *bucket.Object) error {
	switch {
	case old == nil || c.policy.Overwrites() || c.endures && c.policy.InsertOnly == 0:
		return nil
	case old.ETag == c.hash:
		return errSame
	}
	return errExists
}

// contentType returns the object's MIME type: the client's, or one that is found
// out, as the policy's detectMime says.
func (c *creation) contentType() string {
	const fallback = "application/octet-stream"
	byName := func() string {
		for _, name := range []string{c.fileName, c.key} {
			if kind, _, err := mime.ParseMediaType(mime.TypeByExtension(path.Ext(name))); err == nil {
				return kind
			}
		}
		return ""
	}
	var candidates []string
	switch c.policy.DetectMime {
	case 0:
		candidates = []string{c.mimeType, byName(), detected(c.front)}
	case -1:
		candidates = []string{c.mimeType}
	default:
		candidates = []string{detected(c.front), byName()}
	}
	for _, kind := range candidates {
		if kind != "" && kind != fallback {
			return kind
		}
	}
	return fallback
}

func detected(front []byte) string {
	kind, _, _ := strings.Cut(http.DetectContentType(front), ";")
	return kind
}

// mimeAllowed applies a policy's mimeLimit, such as "image/*;text/plain", or
// "!image/*" for all others.
func mimeAllowed(limit, kind string) bool {
	if limit == "" {
		return true
	}
	list, negated := strings.CutPrefix(limit, "!")
	matched := false
	for pattern := range strings.SplitSeq(list, ";") {
		group, isGroup := strings.CutSuffix(pattern, "*")
		matched = matched || pattern == kind || isGroup && strings.HasPrefix(kind, group)
	}
	return matched != negated
}

var metaName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,50}$`)

// checkMeta refuses metadata that Kodo would not keep.
//
// Source: https://github.com/qiniu/api-specs, storage/resumable_upload_v2_complete_multipart_upload.yml.
func checkMeta(header http.Header) error {
	total := 0
	for name, values := range header {
		short, ok := strings.CutPrefix(name, metaPrefix)
		if !ok {
			continue
		}
		if !metaName.MatchString(short) || strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errMeta
		}
		total += len(short) + len(values[0])
	}
	if total > 1024 {
		return errMeta
	}
	return nil
}
