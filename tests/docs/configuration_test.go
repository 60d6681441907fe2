package docs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/job"
)

// What documents show of dth.yaml is what dth reads.
func TestConfigurationsOfDocumentsAreRead(t *testing.T) {
	t.Parallel()
	count := 0
	for path, page := range pages(t) {
		for _, block := range regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```").FindAllStringSubmatch(page, -1) {
			if !strings.Contains(block[1], "jobs:\n") {
				continue
			}
			count++
			file, err := job.ParseFile("dth.yaml", []byte(block[1]))
			if err != nil {
				t.Errorf("%s: %v:\n%s", path, err, block[1])
				continue
			}
			in := job.Input{Files: []*job.File{file}}
			for _, name := range in.Jobs() {
				if _, err := in.Named(name); err != nil {
					t.Errorf("%s: job %s: %v:\n%s", path, name, err, block[1])
				}
			}
		}
	}
	if count < 2 {
		t.Errorf("only %d configurations were found in the documents", count)
	}
}
