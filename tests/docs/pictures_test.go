package docs

import (
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Pictures are sources that anybody can edit: well-formed, with a title and a description
// for who cannot see them, of their own colours in light and in dark, and without anything
// that is fetched or run. Each stands in a document.
func TestPicturesAreSources(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for file, content := range tracked(t, "docs/images/*.svg") {
		decoder := xml.NewDecoder(strings.NewReader(content))
		elements := map[string]int{}
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if start, ok := token.(xml.StartElement); ok {
				elements[start.Name.Local]++
			}
		}
		if elements["title"] != 1 || elements["desc"] != 1 {
			t.Errorf("%s has no title or no description", file)
		}
		if !strings.Contains(content, "prefers-color-scheme: dark") || !strings.Contains(content, `class="page"`) {
			t.Errorf("%s cannot be read on every background", file)
		}
		if found := regexp.MustCompile(`<script|<image|href=|url\(['"]?http`).FindString(content); found != "" {
			t.Errorf("%s holds %s", file, found)
		}
		used := false
		for page, text := range all {
			used = used || strings.Contains(text, "]("+strings.TrimPrefix(file, path.Dir(page)+"/")+")")
		}
		if !used {
			t.Errorf("no document shows %s", file)
		}
	}
}
