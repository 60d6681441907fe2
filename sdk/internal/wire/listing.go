package wire

import (
	"fmt"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// FromListPage lays a page out in columns.
func FromListPage(page driver.ListPage) *storagepb.ListResponse {
	n := len(page.Objects)
	out := &storagepb.ListResponse{Next: octets(page.Next)}
	if n == 0 {
		return out
	}
	keyBytes, etagBytes, classes := 0, 0, false
	for i := range page.Objects {
		keyBytes += len(page.Objects[i].Key)
		etagBytes += len(page.Objects[i].ETag)
		classes = classes || page.Objects[i].StorageClass != ""
	}
	out.Keys = make([]byte, 0, keyBytes)
	out.Etags = make([]byte, 0, etagBytes)
	out.KeyLengths = make([]uint32, n)
	out.EtagLengths = make([]uint32, n)
	out.Sizes = make([]int64, n)
	out.Modified = make([]int64, n)
	for i := range page.Objects {
		object := &page.Objects[i]
		out.Keys = append(out.Keys, object.Key...)
		out.KeyLengths[i] = uint32(len(object.Key)) //nolint:gosec // a longer key exceeds MaxMessage
		out.Etags = append(out.Etags, object.ETag...)
		out.EtagLengths[i] = uint32(len(object.ETag)) //nolint:gosec // a longer ETag exceeds MaxMessage
		out.Sizes[i] = object.Size
		out.Modified[i] = FromTime(object.Modified)
		if object.Frozen {
			out.Frozen = append(out.Frozen, uint32(i)) //nolint:gosec // a page has at most thousands
		}
	}
	if classes {
		addStorageClasses(out, page.Objects)
	}
	return out
}

// addStorageClasses writes each class once and its index for each object.
func addStorageClasses(out *storagepb.ListResponse, objects []driver.Object) {
	index := make(map[string]uint32)
	out.StorageClass = make([]uint32, len(objects))
	for i := range objects {
		class := objects[i].StorageClass
		number, known := index[class]
		if !known {
			number = uint32(len(index)) //nolint:gosec // at most one for each object
			index[class] = number
			out.StorageClasses = append(out.StorageClasses, text(class))
		}
		out.StorageClass[i] = number
	}
}

// ToListPage reads a page. All keys share one string and all ETags another, so
// keeping one key keeps the page's keys alive. Columns that do not agree are an
// error: the page is worthless then.
func ToListPage(response *storagepb.ListResponse) (driver.ListPage, error) {
	page := driver.ListPage{Next: string(response.GetNext())}
	lengths := response.GetKeyLengths()
	n := len(lengths)
	if n != len(response.GetSizes()) || n != len(response.GetEtagLengths()) || n != len(response.GetModified()) {
		return driver.ListPage{}, fmt.Errorf("a page of %d keys has %d sizes, %d etags and %d times",
			n, len(response.GetSizes()), len(response.GetEtagLengths()), len(response.GetModified()))
	}
	classOf := response.GetStorageClass()
	if len(classOf) != 0 && len(classOf) != n {
		return driver.ListPage{}, fmt.Errorf("a page of %d keys has %d storage classes", n, len(classOf))
	}
	if n == 0 {
		return page, nil
	}
	keys, etags := column{rest: string(response.GetKeys())}, column{rest: string(response.GetEtags())}
	page.Objects = make([]driver.Object, n)
	for i := range page.Objects {
		object := &page.Objects[i]
		object.Key = keys.take(lengths[i])
		object.ETag = etags.take(response.GetEtagLengths()[i])
		object.Size = response.GetSizes()[i]
		object.Modified = ToTime(response.GetModified()[i])
		if len(classOf) != 0 {
			if int(classOf[i]) >= len(response.GetStorageClasses()) {
				return driver.ListPage{}, fmt.Errorf("object %d has storage class %d of %d", i, classOf[i], len(response.GetStorageClasses()))
			}
			object.StorageClass = response.GetStorageClasses()[classOf[i]]
		}
	}
	for _, i := range response.GetFrozen() {
		if int(i) >= n {
			return driver.ListPage{}, fmt.Errorf("object %d of %d is frozen", i, n)
		}
		page.Objects[i].Frozen = true
	}
	if keys.bad() || etags.bad() {
		return driver.ListPage{}, fmt.Errorf("the lengths of %d keys or etags do not add up to their bytes", n)
	}
	return page, nil
}

// column is a run of strings laid end to end.
type column struct {
	rest  string
	short bool
}

// take cuts the next string off.
func (c *column) take(length uint32) string {
	if uint64(length) > uint64(len(c.rest)) {
		c.short = true
		return ""
	}
	head := c.rest[:length]
	c.rest = c.rest[length:]
	return head
}

// bad says whether the strings were more or less than the column.
func (c *column) bad() bool { return c.short || c.rest != "" }
