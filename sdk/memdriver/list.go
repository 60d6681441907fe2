package memdriver

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// listRequest is the wire form of List: the order is an option of the driver.
type listRequest struct {
	driver.ListRequest
	Unordered bool
}

// list returns the page that follows the key named by the token or StartAfter. A silent one
// does not say which objects are frozen.
func (b *bucketData) list(request listRequest, silent bool) (driver.ListPage, error) {
	if request.Token != "" {
		decoded, err := hex.DecodeString(request.Token)
		if err != nil {
			return driver.ListPage{}, &failure{400, "InvalidToken", "the token is not one that a listing returned"}
		}
		request.StartAfter = string(decoded)
	}
	if size := request.MaxKeys; size == 0 || size > maxPageKeys {
		request.MaxKeys = maxPageKeys
	}
	keys := b.following(request)
	var page driver.ListPage
	for _, key := range keys {
		if len(page.Objects) == request.MaxKeys {
			page.Next = hex.EncodeToString([]byte(page.Objects[request.MaxKeys-1].Key))
			break
		}
		object := b.objects[key]
		page.Objects = append(page.Objects, driver.Object{
			Key: object.Key, Size: object.Size, ETag: object.ETag, Modified: object.Modified, StorageClass: object.StorageClass,
			Frozen: object.frozen() && !silent,
		})
	}
	return page, nil
}

// following returns the keys of the prefix that come after StartAfter, in the
// order asked for: at least as many as fill a page and one more, where there are
// so many.
func (b *bucketData) following(request listRequest) []string {
	first, _ := slices.BinarySearch(b.keys, request.Prefix)
	if !request.Unordered {
		after, exists := slices.BinarySearch(b.keys, max(request.StartAfter, request.Prefix))
		if exists && b.keys[after] == request.StartAfter {
			after++
		}
		first = after
	}
	var keys []string
	for _, key := range b.keys[first:] {
		if !strings.HasPrefix(key, request.Prefix) || !request.Unordered && len(keys) > request.MaxKeys {
			break
		}
		if !request.Unordered || scattered(key) > scattered(request.StartAfter) {
			keys = append(keys, key)
		}
	}
	if request.Unordered {
		slices.SortFunc(keys, func(x, y string) int { return strings.Compare(scattered(x), scattered(y)) })
	}
	return keys
}

// scattered is what unordered listings are sorted by: it has nothing to do with
// the order of keys. The empty key, which no object has, comes before all others.
func scattered(key string) string {
	if key == "" {
		return ""
	}
	sum := md5.Sum([]byte(key))
	return string(sum[:])
}
