package cloudformation

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// archived returns an archive of programs of these names.
func archived(t *testing.T, names ...string) []byte {
	t.Helper()
	const content = "#!/bin/sh\n"
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	files := tar.NewWriter(compressed)
	for _, name := range names {
		err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))})
		if err == nil {
			_, err = io.WriteString(files, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A program that is not to be had, or that is no archive of dth, ends the boot with a message.
func TestBootSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		archive []byte
		say     string
	}{
		"no download": {nil, "s3://assets/v1.0.0/dth_linux_arm64.tar.gz cannot be read: may the role of this instance read it, and is there a way to Amazon S3?"},
		"no program":  {archived(t), "s3://assets/v1.0.0/dth_linux_arm64.tar.gz holds no program dth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := boot(t, "worker", fullest.with("assetSha256", fmt.Sprintf("%x", sha256.Sum256(test.archive))), test.archive)
			if b.err == nil || !strings.Contains(b.said, test.say) {
				t.Errorf("%v, without %q:\n%s", b.err, test.say, b.said)
			}
			if strings.Contains(b.calls, "systemctl") || !strings.Contains(b.calls, "cfn-signal --exit-code 1 ") {
				t.Errorf("the stack does not hear of it, or a service is started:\n%s", b.calls)
			}
		})
	}
}

// A finder that is not up must not keep the next one away: its instance is ended, but not
// before somebody could read why.
func TestBootEndsAFinderThatFails(t *testing.T) {
	t.Parallel()
	b := boot(t, "finder", fullest, nil)
	if b.err == nil || !strings.Contains(b.calls, "systemd-run --on-active=15min /usr/bin/systemctl start dth-finish.service") {
		t.Errorf("%v, and the instance stays:\n%s", b.err, b.calls)
	}
	if strings.Contains(b.calls, "cfn-signal") {
		t.Errorf("the stack hears of a finder:\n%s", b.calls)
	}
}
