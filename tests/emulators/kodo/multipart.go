package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/kodo/internal/credential"
	"github.com/dth-dev/dth/tests/emulators/kodo/internal/qetag"
)

// Limits of uploads in parts: https://developer.qiniu.com/kodo/6366/upload-part,
// https://developer.qiniu.com/kodo/6365/initialize-multipartupload.
const (
	uploadLife   = 7 * 24 * time.Hour
	mostParts    = 10_000
	smallestPart = 1 << 20
	largestPart  = 1 << 30
)

// multipartTarget is what the path of such a request names.
type multipartTarget struct {
	bucket string
	key    string
	named  bool     // false: the key is found when the upload is completed
	rest   []string // [ID [NUMBER]]
}

// granted checks a token in the header, for a key if that is known.
func (s *server) granted(r *http.Request, bucketName, key string, named bool) (*credential.Policy, *bucket.Store, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return nil, nil, credential.ErrNone
	}
	if scheme != "UpToken" {
		return nil, nil, credential.ErrBad
	}
	policy, err := s.account.Upload(token)
	if err != nil {
		return nil, nil, err
	}
	if err := policy.Expired(s.desk.Now()); err != nil {
		return nil, nil, err
	}
	if bucketName == "" {
		bucketName = policy.Bucket()
	}
	if policy.Bucket() != bucketName {
		return nil, nil, errScope
	}
	if named {
		if err := checkKey(key); err != nil {
			return nil, nil, err
		}
		if !policy.Allows(key) && !policy.ForceSaveKey {
			return nil, nil, errScope
		}
	}
	store, err := s.store(bucketName)
	return policy, store, err
}

// ongoing checks a token and finds the upload.
func (s *server) ongoing(r *http.Request, t multipartTarget) (*credential.Policy, *bucket.Store, bucket.Upload, error) {
	policy, store, err := s.granted(r, t.bucket, t.key, t.named)
	if err != nil {
		return nil, nil, bucket.Upload{}, err
	}
	u, ok := store.Upload(t.rest[0])
	if !ok || u.Object.Key != t.key {
		return nil, nil, bucket.Upload{}, errNoUpload
	}
	if s.desk.Now().After(u.Created.Add(uploadLife)) {
		return nil, nil, bucket.Upload{}, errors.Join(errNoUpload, store.Abort(u.ID))
	}
	return policy, store, u, nil
}

// initiate begins an upload. Source: https://developer.qiniu.com/kodo/6365/initialize-multipartupload.
func (s *server) initiate(w http.ResponseWriter, r *http.Request, t multipartTarget) error {
	_, store, err := s.granted(r, t.bucket, t.key, t.named)
	if err != nil {
		return err
	}
	now := s.desk.Now()
	id, err := store.CreateUpload(bucket.Upload{Created: now, Object: bucket.Object{Key: t.key}})
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"uploadId": id, "expireAt": now.Add(uploadLife).Unix()})
	return nil
}

// uploadPart keeps a part. Source: https://developer.qiniu.com/kodo/6366/upload-part.
func (s *server) uploadPart(w http.ResponseWriter, r *http.Request, t multipartTarget) error {
	_, store, u, err := s.ongoing(r, t)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(t.rest[1])
	if err != nil || number < 1 || number > mostParts {
		return errArgument
	}
	if r.ContentLength < 0 {
		return errNoLength
	}
	blob, err := store.Receive(r.Body)
	if err != nil {
		return errBody
	}
	defer store.Discard(blob)
	sum := hex.EncodeToString(blob.MD5)
	if want := r.Header.Get("Content-MD5"); want != "" && !strings.EqualFold(want, sum) {
		return &refusal{http.StatusBadRequest, "md5 mismatch"}
	}
	part := bucket.Part{Number: number, Blob: blob, ETag: qetag.Whole(blob.Blocks), Modified: s.desk.Now()}
	if err := store.PutPart(u.ID, part); err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"etag": part.ETag, "md5": sum})
	return nil
}

// listParts lists the parts. Source: https://developer.qiniu.com/kodo/6858/listparts.
func (s *server) listParts(w http.ResponseWriter, r *http.Request, t multipartTarget) error {
	_, store, u, err := s.ongoing(r, t)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	limit, after := 1000, 0
	for name, into := range map[string]*int{"max-parts": &limit, "part-number-marker": &after, "part-number_marker": &after} {
		if text := query.Get(name); text != "" {
			if *into, err = strconv.Atoi(text); err != nil || *into < 0 {
				return errArgument
			}
		}
	}
	if limit < 1 || limit > 1000 {
		return errArgument
	}
	parts, ok := store.Parts(u.ID)
	if !ok {
		return errNoUpload
	}
	parts = slices.DeleteFunc(parts, func(p bucket.Part) bool { return p.Number <= after })
	marker := 0
	if len(parts) > limit {
		parts = parts[:limit]
		marker = parts[limit-1].Number
	}
	list := make([]map[string]any, len(parts))
	for i, p := range parts {
		list[i] = map[string]any{"partNumber": p.Number, "etag": p.ETag, "size": p.Blob.Size, "putTime": p.Modified.Unix()}
	}
	answer(w, http.StatusOK, map[string]any{
		"uploadId": u.ID, "expireAt": u.Created.Add(uploadLife).Unix(), "partNumberMarker": marker, "parts": list,
	})
	return nil
}

// abort ends an upload. Source: https://developer.qiniu.com/kodo/6367/abort-multipart-upload.
func (s *server) abort(w http.ResponseWriter, r *http.Request, t multipartTarget) error {
	_, store, u, err := s.ongoing(r, t)
	if err != nil {
		return err
	}
	if err := store.Abort(u.ID); err != nil {
		return err
	}
	answer(w, http.StatusOK, nil)
	return nil
}

// completion is the body of completeMultipartUpload.
type completion struct {
	Parts []struct {
		Number int    `json:"partNumber"`
		ETag   string `json:"etag"`
	} `json:"parts"`
	FileName           string            `json:"fname"`
	MimeType           string            `json:"mimeType"`
	Metadata           map[string]string `json:"metadata"`
	CustomVars         map[string]string `json:"customVars"`
	CacheControl       string            `json:"cacheControl"`
	ContentLanguage    string            `json:"contentLanguage"`
	ContentDisposition string            `json:"contentDisposition"`
	ContentEncoding    string            `json:"contentEncoding"`
	Expires            string            `json:"expires"`
}

// complete makes an object of parts. Source: https://developer.qiniu.com/kodo/6368/complete-multipart-upload.
func (s *server) complete(w http.ResponseWriter, r *http.Request, t multipartTarget) error {
	policy, store, u, err := s.ongoing(r, t)
	if err != nil {
		return err
	}
	var asked completion
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, managementBody))
	if err != nil || json.Unmarshal(body, &asked) != nil {
		return errBody
	}
	c := &creation{policy: policy, key: t.key, named: t.named, fileName: asked.FileName, mimeType: asked.MimeType}
	if err := asked.describe(c); err != nil {
		return err
	}
	parts, _ := store.Parts(u.ID)
	if parts, err = asked.choose(parts); err != nil {
		return err
	}
	for _, p := range parts {
		c.size += p.Blob.Size
	}
	c.hash = hashOf(parts)
	if c.front, err = front(store, parts[0].Blob); err != nil {
		return err
	}
	o, err := c.object(s.desk.Now())
	if err != nil {
		return err
	}
	if o.Key != u.Object.Key { // named by its content, or by the policy's saveKey
		return s.completeAs(w, store, u, c, parts)
	}
	_, err = store.Complete(u.ID, func(old *bucket.Object, _ bucket.Upload, now []bucket.Part) (bucket.Object, []bucket.Part, error) {
		if now, err := asked.choose(now); err != nil || hashOf(now) != c.hash {
			return o, nil, errArgument // a part was sent again meanwhile
		}
		return o, parts, c.allow(old)
	})
	if errors.Is(err, errSame) {
		err = store.Abort(u.ID)
	}
	if err != nil {
		return err
	}
	return c.answer(w)
}

// completeAs completes an upload under another key than it began with.
func (s *server) completeAs(w http.ResponseWriter, store *bucket.Store, u bucket.Upload, c *creation, parts []bucket.Part) error {
	blobs := make([]*bucket.Blob, len(parts))
	sizes := make([]int64, len(parts))
	for i, p := range parts {
		blobs[i], sizes[i] = p.Blob, p.Blob.Size
	}
	blob, err := concatenate(store, blobs)
	if err != nil {
		return err
	}
	defer store.Discard(blob)
	o, err := c.object(s.desk.Now())
	if err != nil {
		return err
	}
	o.Blob, o.Parts = blob, sizes
	if err := store.Put(o, c.allow); err != nil && !errors.Is(err, errSame) {
		return err
	}
	if err := store.Abort(u.ID); err != nil {
		return err
	}
	return c.answer(w)
}

// describe takes over what the request says of the object.
func (asked *completion) describe(c *creation) error {
	for name, value := range asked.Metadata {
		if !strings.HasPrefix(strings.ToLower(name), metaPrefix) {
			return errMeta
		}
		c.set(name, value)
	}
	for name, value := range asked.CustomVars {
		c.set(name, value)
	}
	c.set("cacheControl", asked.CacheControl)
	c.set("contentLanguage", asked.ContentLanguage)
	c.set("contentDisposition", asked.ContentDisposition)
	c.set("contentEncoding", asked.ContentEncoding)
	c.set("expires", asked.Expires)
	return nil
}

// choose picks the parts that the request lists, and checks them.
func (asked *completion) choose(have []bucket.Part) ([]bucket.Part, error) {
	byNumber := make(map[int]bucket.Part, len(have))
	for _, p := range have {
		byNumber[p.Number] = p
	}
	if len(asked.Parts) == 0 || len(asked.Parts) > mostParts {
		return nil, errArgument
	}
	chosen := make([]bucket.Part, len(asked.Parts))
	for i, want := range asked.Parts {
		p, ok := byNumber[want.Number]
		switch last := i == len(asked.Parts)-1; {
		case i > 0 && want.Number <= asked.Parts[i-1].Number:
			return nil, &refusal{http.StatusBadRequest, "parts are not in ascending order"}
		case !ok || p.ETag != want.ETag:
			return nil, &refusal{http.StatusBadRequest, "invalid part: " + strconv.Itoa(want.Number)}
		case p.Blob.Size < smallestPart && !last:
			return nil, &refusal{http.StatusBadRequest, "part is smaller than 1 MB: " + strconv.Itoa(want.Number)}
		case p.Blob.Size > largestPart:
			return nil, &refusal{http.StatusBadRequest, "part is larger than 1 GB: " + strconv.Itoa(want.Number)}
		}
		chosen[i] = p
	}
	return chosen, nil
}

func hashOf(parts []bucket.Part) string {
	list := make([]qetag.Part, len(parts))
	for i, p := range parts {
		list[i] = qetag.Part{Size: p.Blob.Size, Blocks: p.Blob.Blocks}
	}
	return qetag.Joined(list)
}

// concatenate receives several bodies as one.
func concatenate(store *bucket.Store, blobs []*bucket.Blob) (*bucket.Blob, error) {
	readers := make([]io.Reader, len(blobs))
	for i, b := range blobs {
		body, err := store.Open(b)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		readers[i] = body
	}
	return store.Receive(io.MultiReader(readers...))
}
