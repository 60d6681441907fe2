package observe

import (
	"cmp"
	"slices"
	"sync"
)

// UploadLeft is an upload in parts that stays open at the destination though it is of no
// use any more, because it could not be aborted or not be found.
type UploadLeft struct {
	Key    string `json:"key"`    // relative, at the source
	Reason string `json:"reason"` // why, and what to do
}

// maxUploadsLeft bounds what is remembered; the journal holds all.
const maxUploadsLeft = 1000

// uploadsLeft holds the latest reason of each key.
type uploadsLeft struct {
	mu      sync.Mutex
	reasons map[string]string
}

// LeaveUpload remembers that an upload of a key could not be ended. It returns whether
// that is news.
func (c *Counters) LeaveUpload(key, reason string) bool {
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	_, known := c.uploads.reasons[key]
	if !known && len(c.uploads.reasons) == maxUploadsLeft {
		return false
	}
	if c.uploads.reasons == nil {
		c.uploads.reasons = map[string]string{}
	}
	c.uploads.reasons[key] = reason
	return !known
}

// EndUpload forgets what LeaveUpload remembered: the upload was ended after all.
func (c *Counters) EndUpload(key string) {
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	delete(c.uploads.reasons, key)
}

// UploadsLeft returns the uploads that are left, by ascending key.
func (c *Counters) UploadsLeft() []UploadLeft {
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	var left []UploadLeft
	for key, reason := range c.uploads.reasons {
		left = append(left, UploadLeft{Key: key, Reason: reason})
	}
	slices.SortFunc(left, func(a, b UploadLeft) int { return cmp.Compare(a.Key, b.Key) })
	return left
}
