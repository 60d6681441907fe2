package drivertest

import (
	"fmt"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

func attributeCases() []testCase {
	return []testCase{
		{name: "attributes-put", proves: "content headers and metadata of a PUT come back exactly", run: attributesPut},
		{name: "attributes-upload", proves: "content headers and metadata of an upload come back exactly", declared: canUpload, run: attributesUpload},
		{name: "metadata-limit", proves: "metadata over the declared limit is refused, not cut", declared: limitsMetadata, run: metadataLimit},
	}
}

func limitsMetadata(s driver.Session) bool { return s.Limits.MaxMetadata > 0 }

// attributeSets are what objects carry, by name.
func attributeSets() map[string]driver.Attributes {
	return map[string]driver.Attributes{
		"everything": {
			ContentType:        "text/html; charset=utf-8",
			ContentEncoding:    "gzip",
			ContentLanguage:    "de, en",
			ContentDisposition: `attachment; filename="a b.html"`,
			CacheControl:       "public, max-age=60",
			Expires:            "Sun, 21 Oct 2035 07:28:00 GMT",
			Metadata:           []driver.Metadata{{Name: "colour", Value: "dark green"}, {Name: "owner", Value: "team-7"}},
		},
		"type-only":     {ContentType: "application/x-conformance"},
		"metadata-only": {Metadata: []driver.Metadata{{Name: "a", Value: "="}, {Name: "with-dash", Value: `quotes " and \ and ; , %20 +`}}},
	}
}

func attributesPut(k *check) {
	for name, attributes := range attributeSets() {
		key := k.key(name)
		k.put(key, data(key, 100), attributes)
		k.wantAttributes(key, attributes)
	}
}

func attributesUpload(k *check) {
	for name, attributes := range attributeSets() {
		key := k.key(name)
		u := k.create(key, attributes)
		part := u.send(1, data(key, 100))
		u.complete([]driver.Part{part}, data(key, 100))
		k.wantAttributes(key, attributes)
	}
}

// wantAttributes compares what GET and Stat say with what was stored. A store
// may make up a content type where none was given, and whatever it likes in the
// answer to a GET when it says so.
func (k *check) wantAttributes(key string, want driver.Attributes) {
	answer, err := k.tryGet(key, Send{})
	k.must(err, "get %q", key)
	for from, got := range map[string]driver.Attributes{"get": answer.Attributes, "stat": k.stat(key).Attributes} {
		if from == "get" && answer.Overridden {
			continue
		}
		if want.ContentType == "" {
			got.ContentType = ""
		}
		if describeAttributes(got) != describeAttributes(want) {
			k.errorf("%s %q returns the attributes\n\t%s, want\n\t%s", from, key, describeAttributes(got), describeAttributes(want))
		}
	}
}

// describeAttributes writes attributes out, the same text for the same ones.
func describeAttributes(a driver.Attributes) string {
	if len(a.Metadata) == 0 {
		a.Metadata = nil
	}
	return fmt.Sprintf("%q", a)
}

func metadataLimit(k *check) {
	key := k.key("object")
	limit := k.session.Limits.MaxMetadata
	fits := []driver.Metadata{{Name: "a", Value: strings.Repeat("x", limit/2)}}
	k.put(key, data(key, 10), driver.Attributes{Metadata: fits})
	k.wantAttributes(key, driver.Attributes{Metadata: fits})
	over := []driver.Metadata{{Name: "a", Value: strings.Repeat("x", limit)}}
	answer, err := k.tryPut(key+"-over", data(key, 10), driver.Attributes{Metadata: over})
	if err == nil {
		k.errorf("%d bytes of metadata are accepted with status %d, the declared limit is %d", limit+1, answer.Status, limit)
		return
	}
	k.wantKind(err, "put with too much metadata", driver.KindInvalidArgument)
	k.wantAbsent(key + "-over")
}
