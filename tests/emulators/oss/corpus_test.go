package main

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// pair is a request and the answer that the vendor's documentation shows for it.
// In an answer, * stands for anything.
type pair struct {
	page, name        string
	request, response []string // lines; the body after an empty one
}

// corpus is one file of testdata: pairs that are sent one after the other.
type corpus struct {
	flags  []string
	signed bool // the requests are signed as the pages show it
	pairs  []pair
}

func readCorpus(t *testing.T, file string) corpus {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := corpus{signed: strings.HasSuffix(file, "signature.txt")}
	page := ""
	for line := range strings.SplitSeq(string(data), "\n") {
		rest := strings.TrimPrefix(line[min(1, len(line)):], " ")
		name, isPair := strings.CutPrefix(line, "## ")
		switch {
		case line == "":
		case isPair:
			c.pairs = append(c.pairs, pair{page: page, name: name})
		case strings.HasPrefix(line, "# page: "):
			page = line[8:]
		case strings.HasPrefix(line, "# flags: "):
			c.flags = strings.Fields(line[9:])
		case line[0] == '#':
		case line[0] == '>' && len(c.pairs) > 0:
			p := &c.pairs[len(c.pairs)-1]
			p.request = append(p.request, rest)
		case line[0] == '<' && len(c.pairs) > 0:
			p := &c.pairs[len(c.pairs)-1]
			p.response = append(p.response, rest)
		default:
			t.Fatalf("%s: what is %q?", file, line)
		}
	}
	return c
}

// message splits lines into the first one, the headers and the body.
func message(lines []string) (first string, headers []string, body string) {
	for i, line := range lines[1:] {
		if line == "" {
			return lines[0], lines[1 : i+1], strings.Join(lines[i+2:], "\n")
		}
	}
	return lines[0], lines[1:], ""
}

func TestDocumentedPairs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, file := range files {
		c := readCorpus(t, file)
		total += len(c.pairs)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			e := start(t, c.flags...)
			uploadID := ""
			for _, p := range c.pairs { // one after the other: they build on each other
				t.Run(p.name, func(t *testing.T) { uploadID = e.replay(t, p, uploadID, c.signed) })
			}
		})
	}
	if total < 25 {
		t.Errorf("the corpus has %d pairs, at least 25 are wanted", total)
	}
}

var told = regexp.MustCompile(`<UploadId>([0-9A-F]+)</UploadId>`)

// replay sends a pair's request and compares the answer. It returns the upload
// id to go on with.
func (e *emulator) replay(t *testing.T, p pair, uploadID string, signed bool) string {
	first, headers, body := message(p.request)
	method, target, _ := strings.Cut(strings.ReplaceAll(first, "{uploadId}", uploadID), " ")
	r := bare(t, method, target, body, headers...)
	if r.Header.Get("Content-MD5") != "" {
		sum := md5.Sum([]byte(body))
		r.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	if !signed {
		signRequest(t, r, time.Time{})
	}
	response, got := e.send(r)
	status, headers, want := message(p.response)
	if itoa(response.StatusCode) != status {
		t.Fatalf("%s of %s answered %s, documented is %s:\n%s", first, p.page, response.Status, status, got)
	}
	if response.Header.Get("x-oss-request-id") == "" || response.Header.Get("Server") != "AliyunOSS" {
		t.Errorf("the answer does not look as the vendor's: %v", response.Header)
	}
	for _, line := range headers {
		name, want, _ := strings.Cut(line, ": ")
		if got := response.Header.Get(name); !matches(want, got) {
			t.Errorf("%s is %q, documented is %q", name, got, want)
		}
	}
	switch {
	case strings.HasPrefix(want, "<"):
		compareXML(t, want, got)
	case want != got && response.StatusCode/100 == 2 && want != "":
		t.Errorf("body is %q, documented is %q", got, want)
	}
	if id := told.FindStringSubmatch(got); id != nil {
		return id[1]
	}
	return uploadID
}

// compareXML checks that the documented elements and texts are there, in their
// order. An answer may have more, as the samples are of different years: but not
// more entries, so that what repeats must do so as often as documented.
func compareXML(t *testing.T, want, got string) {
	t.Helper()
	wanted, found := outline(t, want), outline(t, got)
	rest := found
	for _, line := range wanted {
		for len(rest) > 0 && !matches(line, rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("%s is documented, and not there in its place:\n%s", line, got)
			return
		}
		rest = rest[1:]
	}
	if documented, there := entries(wanted), entries(found); !maps.Equal(documented, there) {
		t.Errorf("entries are %v, documented are %v", there, documented)
	}
}

// entries counts the elements that a document may repeat.
func entries(outline []string) map[string]int {
	counts := map[string]int{}
	for _, line := range outline {
		switch line {
		case "<Contents>", "<CommonPrefixes>", "<Part>", "<Upload>", "<Deleted>", "<Tag>", "<Bucket>":
			counts[line]++
		}
	}
	return counts
}

// matches tells whether got is what want says, in which * stands for anything.
func matches(want, got string) bool {
	before, after, wild := strings.Cut(want, "*")
	if !wild {
		return want == got
	}
	return len(got) >= len(before)+len(after) && strings.HasPrefix(got, before) && strings.HasSuffix(got, after)
}

// outline lists a document's elements and texts in their order.
func outline(t *testing.T, document string) []string {
	t.Helper()
	var lines []string
	for decoder := xml.NewDecoder(strings.NewReader(document)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		switch token := token.(type) {
		case xml.StartElement:
			lines = append(lines, fmt.Sprintf("<%s>", token.Name.Local))
		case xml.EndElement:
			lines = append(lines, fmt.Sprintf("</%s>", token.Name.Local))
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				lines = append(lines, text)
			}
		}
	}
}
