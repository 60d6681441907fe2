package truth

import (
	"fmt"
	"strings"
	"time"
)

// Abilities are what a store can do, and what it tells.
type Abilities struct {
	Checksums    bool // it keeps a checksum of each object and part and states it
	ETagMD5      bool // its ETags are MD5s of the bytes; else they say nothing
	ListsETags   bool
	Conditional  bool // GET honours If-Match
	Ordered      bool // listings are in order
	Uploader     bool // it takes objects in parts
	UploadLister bool // it tells which uploads are open
	Loses        bool // it cannot hold Content-Language
	Framing      string
	Replies      string
	Ahead        time.Duration // its clock before ours
}

// States says whether the store can state something of the bytes that it holds.
func (a Abilities) States() bool { return a.Checksums || a.ETagMD5 }

func (a Abilities) String() string {
	words := []string{"keeps no checksums", "gives ETags that say nothing", "lists them", "honours If-Match", "lists in order",
		"takes parts", "tells open uploads", fmt.Sprintf("has its clock %s ahead", a.Ahead), "framing " + a.Framing, "replies " + a.Replies}
	set := func(i int, is bool, text string) {
		if is {
			words[i] = text
		}
	}
	set(0, a.Checksums, "keeps checksums")
	set(1, a.ETagMD5, "gives MD5s as ETags")
	set(2, !a.ListsETags, "does not list them")
	set(3, !a.Conditional, "does not honour If-Match")
	set(4, !a.Ordered, "lists in no order")
	set(5, !a.Uploader, "takes no parts")
	set(6, !a.UploadLister, "does not tell open uploads")
	if a.Loses {
		words = append(words, "cannot hold Content-Language")
	}
	return strings.Join(words, ", ")
}
