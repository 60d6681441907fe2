package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dth-dev/dth/core/job"
)

// The files that a stack installs, as "make assets" names them.
const (
	programsFile = "dth_linux_arm64.tar.gz"
	functionFile = "dth_lambda_linux_arm64.zip"
	sumsFile     = "SHA256SUMS"
)

// Assets are what the machines of a stack install.
type Assets struct {
	Folder   string
	Prefix   string // of their keys in the asset bucket, which says what they are
	Programs string // SHA-256 of the archive of programs, hexadecimal
	Function string // of the function
}

// ReadAssets reads the checksums in a folder that "make assets" has filled, and checks the
// files against them. version stands in the prefix for people; the checksums make it.
func ReadAssets(folder, version string) (Assets, error) {
	advice := "run \"make assets\" in the sources of dth, or name the folder with --assets DIR"
	text, err := os.ReadFile(filepath.Join(folder, sumsFile))
	if err != nil {
		return Assets{}, &job.Error{Where: "--assets", What: fmt.Sprintf("there are no assets in %s (%v)", folder, errors.Unwrap(err)), Do: advice}
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 {
			sums[strings.TrimPrefix(fields[1], "*")] = fields[0]
		}
	}
	assets := Assets{Folder: folder, Programs: sums[programsFile], Function: sums[functionFile]}
	for name, want := range map[string]string{programsFile: assets.Programs, functionFile: assets.Function} {
		if want == "" {
			return Assets{}, &job.Error{Where: "--assets", What: fmt.Sprintf("%s does not name %s", filepath.Join(folder, sumsFile), name), Do: advice}
		}
		got, err := sum(filepath.Join(folder, name))
		if err != nil {
			return Assets{}, &job.Error{Where: "--assets", What: err.Error(), Do: advice}
		}
		if got != want {
			return Assets{}, &job.Error{Where: "--assets", What: fmt.Sprintf("%s has SHA-256 %s, and %s says %s", filepath.Join(folder, name), got, sumsFile, want),
				Do: "it was changed or half written: " + advice}
		}
	}
	all := sha256.Sum256([]byte(assets.Programs + assets.Function))
	assets.Prefix = "dth/" + unkeyed.ReplaceAllString(version, "-") + "-" + hex.EncodeToString(all[:6]) + "/"
	return assets, nil
}

// unkeyed is what would have to be encoded in the URL of a key.
var unkeyed = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// sum returns the SHA-256 of a file.
func sum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// templateKey returns the key of a template among assets.
func (a Assets) templateKey(text string) string {
	digest := sha256.Sum256([]byte(text))
	return a.Prefix + "template-" + hex.EncodeToString(digest[:6]) + ".yaml"
}
