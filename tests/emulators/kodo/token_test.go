package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storagev2/uptoken"
)

// form sends a form with a token of this policy.
func (e *emulator) form(policy map[string]any, fields map[string]string) (int, string) {
	e.t.Helper()
	r := step{Method: http.MethodPost, URL: "http://" + e.address + "/", Policy: policy, Form: fields}.request(e.t, nil)
	answer, body := e.send(r)
	return answer.StatusCode, body
}

func TestPutPolicies(t *testing.T) {
	t.Parallel()
	e := start(t)
	hour := time.Now().Add(time.Hour).Unix()
	for name, test := range map[string]struct {
		policy map[string]any
		fields map[string]string
		want   int
	}{
		"its key":           {map[string]any{"scope": "photos:k"}, map[string]string{"key": "k"}, 200},
		"another key":       {map[string]any{"scope": "photos:k"}, map[string]string{"key": "l"}, 403},
		"no key":            {map[string]any{"scope": "photos:k"}, nil, 403},
		"its prefix":        {map[string]any{"scope": "photos:p/", "isPrefixalScope": 1}, map[string]string{"key": "p/1"}, 200},
		"another prefix":    {map[string]any{"scope": "photos:p/", "isPrefixalScope": 1}, map[string]string{"key": "q/1"}, 403},
		"no such bucket":    {map[string]any{"scope": "nowhere"}, nil, 631},
		"ended":             {map[string]any{"scope": "photos", "deadline": 1451491200}, nil, 401},
		"without deadline":  {map[string]any{"scope": "photos", "deadline": 0}, nil, 401},
		"without scope":     {map[string]any{"deadline": hour}, nil, 401},
		"at the limit":      {map[string]any{"scope": "photos", "fsizeLimit": 5}, map[string]string{"key": "limit"}, 200},
		"over the limit":    {map[string]any{"scope": "photos", "fsizeLimit": 4}, nil, 413},
		"at the minimum":    {map[string]any{"scope": "photos", "fsizeMin": 5}, map[string]string{"key": "least"}, 200},
		"under the minimum": {map[string]any{"scope": "photos", "fsizeMin": 6}, nil, 403},
		"a MIME type":       {map[string]any{"scope": "photos", "mimeLimit": "image/*;text/plain"}, map[string]string{"key": "mime"}, 200},
		"not a MIME type":   {map[string]any{"scope": "photos", "mimeLimit": "image/*"}, nil, 403},
		"a forbidden type":  {map[string]any{"scope": "photos", "mimeLimit": "!image/*;text/plain"}, nil, 403},
		"a class":           {map[string]any{"scope": "photos", "fileType": 3}, map[string]string{"key": "deep"}, 200},
		"no class":          {map[string]any{"scope": "photos", "fileType": 6}, nil, 400},
	} {
		fields := map[string]string{"file": "hello"}
		for field, value := range test.fields {
			fields[field] = value
		}
		if status, body := e.form(test.policy, fields); status != test.want {
			t.Errorf("%s: %d, want %d: %s", name, status, test.want, body)
		}
	}
	if details, err := e.bucket().Object("deep").Stat().Call(t.Context()); err != nil || details.StorageClass != 3 {
		t.Errorf("the class: %+v %v", details, err)
	}
}

func TestOverwriting(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("there", "old")
	for _, test := range []struct {
		name   string
		policy map[string]any
		body   string
		want   int
	}{
		{"insert only, the same", map[string]any{"scope": "photos:there", "insertOnly": 1}, "old", 200},
		{"insert only, another", map[string]any{"scope": "photos:there", "insertOnly": 1}, "new", 614},
		{"of the bucket, the same", map[string]any{"scope": "photos"}, "old", 200},
		{"of the bucket, another", map[string]any{"scope": "photos"}, "new", 614},
		{"of a prefix", map[string]any{"scope": "photos:th", "isPrefixalScope": 1}, "new", 614},
		{"of the key", map[string]any{"scope": "photos:there"}, "new", 200},
	} {
		if status, body := e.form(test.policy, map[string]string{"key": "there", "file": test.body}); status != test.want {
			t.Errorf("%s: %d, want %d: %s", test.name, status, test.want, body)
		}
	}
	s, key := e.storage(), "there"
	insertOnly := e.token(key, func(p uptoken.PutPolicy) { p.SetInsertOnly(1) })
	id, parts := e.initiate(s, key, insertOnly, 7)
	if err := e.complete(s, key, id, parts, insertOnly, nil); code(err) != 614 {
		t.Errorf("insert only, in parts: %v, want 614", err)
	}
	if got, err := e.read("there"); err != nil || got != "new" {
		t.Errorf("%q %v", got, err)
	}
}

func TestKeyAndMetadataRules(t *testing.T) {
	t.Parallel()
	e := start(t)
	for name, test := range map[string]struct {
		fields map[string]string
		want   int
	}{
		"750 bytes":             {map[string]string{"key": strings.Repeat("k", 750)}, 200},
		"751 bytes":             {map[string]string{"key": strings.Repeat("k", 751)}, 400},
		"not UTF-8":             {map[string]string{"key": "\xff"}, 400},
		"NUL":                   {map[string]string{"key": "a\x00b"}, 400},
		"50 letters":            {map[string]string{"key": "50", metaPrefix + strings.Repeat("n", 50): "v"}, 200},
		"51 letters":            {map[string]string{"key": "51", metaPrefix + strings.Repeat("n", 51): "v"}, 400},
		"an odd name":           {map[string]string{"key": "odd", metaPrefix + "a.b": "v"}, 400},
		"a control character":   {map[string]string{"key": "control", metaPrefix + "a": "a\nb"}, 400},
		"1024 bytes":            {map[string]string{"key": "1024", metaPrefix + "a": strings.Repeat("v", 1023)}, 200},
		"1025 bytes":            {map[string]string{"key": "1025", metaPrefix + "a": strings.Repeat("v", 1023), metaPrefix + "b": ""}, 400},
		"a crc32":               {map[string]string{"key": "crc", "crc32": "907060870"}, 200},
		"a crc32 of other data": {map[string]string{"key": "crc", "crc32": "907060871"}, 406},
	} {
		fields := map[string]string{"file": "hello"}
		for field, value := range test.fields {
			fields[field] = value
		}
		if status, body := e.form(map[string]any{"scope": "photos"}, fields); status != test.want {
			t.Errorf("%s: %d, want %d: %s", name, status, test.want, body)
		}
	}
}

func TestTheDeadlineHoldsForPartsAndCompletion(t *testing.T) {
	t.Parallel()
	e := start(t)
	s := e.storage()
	key := "slow"
	token := e.token(key, nil) // for an hour
	id, parts := e.initiate(s, key, token, 5)
	e.clock(3700)
	if _, err := e.sendPart(s, key, id, 2, []byte("x"), token); code(err) != http.StatusUnauthorized {
		t.Errorf("a part after the deadline: %v, want 401", err)
	}
	if err := e.complete(s, key, id, parts, token, nil); code(err) != http.StatusUnauthorized {
		t.Errorf("completed after the deadline: %v, want 401", err)
	}
	fresh := e.token(key, func(p uptoken.PutPolicy) { p.SetDeadline(time.Now().Add(3 * time.Hour).Unix()) })
	if err := e.complete(s, key, id, parts, fresh, nil); err != nil {
		t.Errorf("completed with a fresh token: %v", err)
	}
	if refused := e.counts()["completeMultipartUpload"]; refused.Requests != 2 || refused.Refused != 1 {
		t.Errorf("counted %+v", refused)
	}
}

func TestTokensDoNotReachFurther(t *testing.T) {
	t.Parallel()
	e := start(t, "-bucket", bucketA+","+bucketB)
	s := e.storage()
	key := "mine"
	id, _ := e.initiate(s, key, e.token(key, nil), 5)
	for name, change := range map[string]func(uptoken.PutPolicy){
		"another key":    func(p uptoken.PutPolicy) { p.SetScope(bucketA + ":other") },
		"another bucket": func(p uptoken.PutPolicy) { p.SetScope(bucketB + ":mine") },
	} {
		if _, err := e.sendPart(s, key, id, 1, []byte("x"), e.token(key, change)); code(err) != http.StatusForbidden {
			t.Errorf("%s: %v, want 403", name, err)
		}
	}
	other := "other" // whose token is right, but whose upload this is not
	if _, err := e.sendPart(s, other, id, 1, []byte("x"), e.token(other, nil)); code(err) != 612 {
		t.Errorf("the upload of another key: %v, want 612", err)
	}
	stranger := e.managed(http.MethodGet, "/list?bucket="+bucketA, "")
	stranger.Header.Set("Authorization", strings.Replace(stranger.Header.Get("Authorization"), accessKey, "ANOTHER", 1))
	if answer, body := e.send(stranger); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger: %d %s", answer.StatusCode, body)
	}
	forged := e.request(http.MethodGet, "/list?bucket="+bucketA, "")
	if err := auth.New(accessKey, "another secret").AddToken(auth.TokenQiniu, forged); err != nil {
		t.Fatal(err)
	}
	if answer, body := e.send(forged); answer.StatusCode != http.StatusUnauthorized || strings.TrimSpace(body) != `{"error":"bad token"}` {
		t.Errorf("a wrong secret: %d %s", answer.StatusCode, body)
	}
}

func TestOldRequestsAreRefused(t *testing.T) {
	t.Parallel()
	e := start(t)
	list := func() int {
		r := e.request(http.MethodGet, "/list?bucket="+bucketA, "")
		r.Header.Set("X-Qiniu-Date", time.Now().UTC().Format("20060102T150405Z"))
		if err := authPair().AddToken(auth.TokenQiniu, r); err != nil {
			t.Fatal(err)
		}
		answer, _ := e.send(r)
		return answer.StatusCode
	}
	for seconds, want := range map[float64]int{0: 200, 890: 200, 910: 403, -910: 403} {
		e.clock(seconds)
		if got := list(); got != want {
			t.Errorf("a clock that is %v s ahead: %d, want %d", seconds, got, want)
		}
	}
}
