package driver_test

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestFind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source   driver.Source
		document string
		path     string
		want     string
	}{
		"xml":                   {driver.SourceXML, `<Error><Code> A </Code></Error>`, "Code", " A "},
		"xml deep":              {driver.SourceXML, `<R><A><B>no</B></A><Error><Code>yes</Code></Error></R>`, "Error/Code", "yes"},
		"xml not at that depth": {driver.SourceXML, `<R><A><Code>no</Code></A></R>`, "Code", ""},
		"xml root is not it":    {driver.SourceXML, `<Code>no</Code>`, "Code", ""},
		"xml after white space": {driver.SourceXML, "  \n<R><Code>x</Code></R>", "Code", "x"},
		"xml broken":            {driver.SourceXML, `<R><Code>x`, "Code", ""},
		"xml absent":            {driver.SourceXML, `<R/>`, "Code", ""},
		"json":                  {driver.SourceJSON, `{"error":"x"}`, "error", "x"},
		"json deep":             {driver.SourceJSON, `{"a":{"b":"x"}}`, "a/b", "x"},
		"json no text":          {driver.SourceJSON, `{"a":{"b":{}}}`, "a/b", ""},
		"json absent":           {driver.SourceJSON, `{"a":1}`, "b/c", ""},
		"json broken":           {driver.SourceJSON, `{"a":`, "a", ""},
		"json not an object":    {driver.SourceJSON, `[1]`, "a", ""},
		"nothing":               {driver.SourceXML, "", "Code", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.source.Find([]byte(test.document), test.path); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzFind: what a store answers must never crash host or plugin.
func FuzzFind(f *testing.F) {
	f.Add([]byte(`<Error><Code>x</Code></Error>`), "Code")
	f.Add([]byte(`{"a":{"b":1}}`), "a/b")
	f.Add([]byte("</a></b><Code>"), "Code/Code")
	f.Fuzz(func(t *testing.T, document []byte, path string) {
		for _, source := range []driver.Source{driver.SourceXML, driver.SourceJSON} {
			if got := source.Find(document, path); len(got) > 4*len(document) {
				t.Errorf("%d bytes out of %d", len(got), len(document))
			}
		}
	})
}
