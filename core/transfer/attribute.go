package transfer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// attribute is one thing that an object is written with beside its bytes.
type attribute struct {
	name, group subject
	what        string // for people
	value       string
	same        func(written, kept string) bool
	kept        func(heldObject) (value string, has bool) // at the destination
	drop        func(*driver.Attributes)
}

// heldObject is what the destination says of an object.
type heldObject struct {
	driver.Object
	tags []driver.Tag
}

// attributesOf takes attributes apart.
func attributesOf(a driver.Attributes) []attribute {
	all := headersOf(a)
	for _, pair := range a.Metadata {
		all = append(all, attribute{
			name:  subject{kind: kindMetadata, name: strings.ToLower(pair.Name)},
			group: subject{kind: kindMetadata, shape: shapeOf(&pair)},
			value: pair.Value, same: sameText, what: fmt.Sprintf("metadata %q", pair.Name),
			kept: func(object heldObject) (string, bool) { return valueOf(object.Attributes.Metadata, pair.Name) },
			drop: func(a *driver.Attributes) {
				a.Metadata = slices.DeleteFunc(a.Metadata, func(m driver.Metadata) bool { return m.Name == pair.Name })
			},
		})
	}
	if len(a.Tags) > 0 {
		tags := subject{kind: kindTags}
		all = append(all, attribute{
			name: tags, group: tags, what: "tags", value: textOf(a.Tags), same: sameText,
			kept: func(object heldObject) (string, bool) { return textOf(object.tags), len(object.tags) > 0 },
			drop: func(a *driver.Attributes) { a.Tags = nil },
		})
	}
	if a.StorageClass != "" {
		class := subject{kind: kindClass, name: a.StorageClass}
		all = append(all, attribute{
			name: class, group: class, what: fmt.Sprintf("storage class %q", class.name), value: class.name, same: strings.EqualFold,
			kept: func(object heldObject) (string, bool) { return object.StorageClass, object.StorageClass != "" },
			drop: func(a *driver.Attributes) { a.StorageClass = "" },
		})
	}
	return all
}

// contentHeaders are the headers among the attributes, in the order of contentOf.
var contentHeaders = []struct {
	name string
	same func(written, kept string) bool
}{
	{"content-type", sameParameters},
	{"content-encoding", sameList},
	{"content-language", sameList},
	{"content-disposition", sameParameters},
	{"cache-control", sameList},
	{"expires", sameDate},
}

// contentOf returns the values of contentHeaders.
func contentOf(a *driver.Attributes) [6]*string {
	return [...]*string{&a.ContentType, &a.ContentEncoding, &a.ContentLanguage, &a.ContentDisposition, &a.CacheControl, &a.Expires}
}

// headersOf returns the content headers.
func headersOf(a driver.Attributes) []attribute {
	var all []attribute
	for i, header := range contentHeaders {
		value := *contentOf(&a)[i]
		if value == "" {
			continue
		}
		name := subject{kind: header.name}
		all = append(all, attribute{
			name: name, group: name, value: value, same: header.same,
			what: fmt.Sprintf("header %s %q", header.name, value),
			kept: func(object heldObject) (string, bool) {
				value := *contentOf(&object.Attributes)[i]
				return value, value != ""
			},
			drop: func(a *driver.Attributes) { *contentOf(a)[i] = "" },
		})
	}
	return all
}

// SameAttributes says whether two looks show an object of the source, and what the destination
// has of it, with the same attributes. Tags, which looks do not show, and what the copy was
// adapted in are taken to differ.
func (c *Copier) SameAttributes(source, destination driver.Object) bool {
	class := c.Fit.Class(source.StorageClass)
	switch {
	case c.Tags, class != "" && !strings.EqualFold(class, destination.StorageClass):
		return false
	case c.Bare:
		return true
	case len(source.Attributes.NotCarried) > 0:
		return false
	}
	if source.Attributes.ContentType == "" {
		destination.Attributes.ContentType = "" // stores give objects one of their own
	}
	return hasAll(source.Attributes, destination) && hasAll(destination.Attributes, source)
}

// hasAll says whether an object has all attributes.
func hasAll(wanted driver.Attributes, object driver.Object) bool {
	return !slices.ContainsFunc(attributesOf(wanted), func(a attribute) bool {
		value, has := a.kept(heldObject{Object: object})
		return !has || !a.same(a.value, value)
	})
}
