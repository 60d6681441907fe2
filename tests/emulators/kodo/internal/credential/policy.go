package credential

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Policy is what an upload token allows.
//
// Source: https://developer.qiniu.com/kodo/1206/put-policy.
type Policy struct {
	Scope           string `json:"scope"` // BUCKET, BUCKET:KEY or, if IsPrefixalScope, BUCKET:PREFIX
	IsPrefixalScope int    `json:"isPrefixalScope"`
	Deadline        int64  `json:"deadline"` // Unix seconds
	InsertOnly      int    `json:"insertOnly"`
	EndUser         string `json:"endUser"`
	ReturnBody      string `json:"returnBody"`
	SaveKey         string `json:"saveKey"`
	ForceSaveKey    bool   `json:"forceSaveKey"`
	FsizeMin        int64  `json:"fsizeMin"`
	FsizeLimit      int64  `json:"fsizeLimit"` // 0: none
	DetectMime      int    `json:"detectMime"`
	MimeLimit       string `json:"mimeLimit"`
	FileType        int    `json:"fileType"`
	DeleteAfterDays int    `json:"deleteAfterDays"`
}

// Upload verifies an upload token, but not its deadline. It returns [ErrNone] or
// [ErrBad].
//
// Source: https://developer.qiniu.com/kodo/1208/upload-token.
func (p Pair) Upload(token string) (*Policy, error) {
	if token == "" {
		return nil, ErrNone
	}
	last := strings.LastIndexByte(token, ':')
	if last < 0 {
		return nil, ErrBad
	}
	encoded := token[last+1:]
	if err := p.check(token[:last], encoded); err != nil {
		return nil, err
	}
	text, err := base64.URLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, ErrBad
	}
	var policy Policy
	if err := json.Unmarshal(text, &policy); err != nil || policy.Bucket() == "" || policy.Deadline <= 0 {
		return nil, ErrBad
	}
	return &policy, nil
}

// Bucket returns the bucket that may be written to.
func (p *Policy) Bucket() string {
	bucket, _, _ := strings.Cut(p.Scope, ":")
	return bucket
}

// Allows says whether an object may be called that.
func (p *Policy) Allows(key string) bool {
	_, scope, bound := strings.Cut(p.Scope, ":")
	switch {
	case !bound:
		return true
	case p.IsPrefixalScope == 1:
		return strings.HasPrefix(key, scope)
	}
	return key == scope
}

// Overwrites says whether an object that is there may be replaced by another.
func (p *Policy) Overwrites() bool {
	return strings.Contains(p.Scope, ":") && p.IsPrefixalScope != 1 && p.InsertOnly == 0
}

// Expired returns [ErrExpired] after the deadline.
func (p *Policy) Expired(now time.Time) error {
	if now.Unix() > p.Deadline {
		return ErrExpired
	}
	return nil
}
