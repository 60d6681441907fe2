// Package controltest checks what drivers build with package control.
package controltest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// Model is what a driver makes of the headers of its store's object model.
type Model struct {
	Model control.ObjectModel
	// Documented are the headers of answers to GET and HEAD that the vendor documents,
	// beside those of HTTP itself, by what shall become of them: "NAME: VALUE", with a value
	// that counts.
	Documented map[control.Fate][]string
	Stat       func(http.Header) driver.Attributes // what Stat makes of an answer
	Get        *driver.Reply                       // of a signed GET
}

// Check fails where a documented header has no fate or more than one, and where a header
// that is to be told does not come out of GET and of Stat, or another one does.
func (m Model) Check(t *testing.T) {
	t.Helper()
	for want, headers := range m.Documented {
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			for fate, names := range m.Model {
				if is := driver.IsNotCarried(names, name, value); is != (fate == want) {
					t.Errorf("%s has the fate %d: %t, want %d", header, fate, is, want)
				}
			}
			m.checkTold(t, header, want == control.Told)
		}
	}
	for fate, names := range m.Model {
		for _, entry := range names {
			name, value, only := strings.Cut(entry, ": ")
			if name != strings.ToLower(name) {
				t.Errorf("%s is not in lower case", entry)
			}
			if !only {
				value = "v"
			}
			m.checkTold(t, strings.Replace(name, "*", "any", 1)+": "+value, fate == control.Told)
		}
	}
	m.checkTold(t, "x-nothing-that-any-store-has: v", false)
}

// checkTold compares what GET and Stat tell of a header.
func (m Model) checkTold(t *testing.T, header string, told bool) {
	t.Helper()
	var want []string
	if told {
		want = []string{header}
	}
	name, value, _ := strings.Cut(header, ": ")
	answer := http.Header{}
	answer.Set(name, value)
	if got := m.Stat(answer).NotCarried; !slices.Equal(want, got) {
		t.Errorf("Stat of %s (-want +got):\n%s", header, cmp.Diff(want, got))
	}
	if got := driver.IsNotCarried(m.Get.NotCarried, name, value); got != told {
		t.Errorf("a GET with %s is told: %t", header, got)
	}
}
