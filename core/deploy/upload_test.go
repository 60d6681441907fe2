package deploy_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/deploy"
)

// ofOurs tells of every request to Amazon S3 that does not say whose the bucket must be.
func ofOurs(t *testing.T) func(string, *http.Request) {
	return func(name string, r *http.Request) {
		if strings.Contains(name, "/assets") && name != "PUT /assets" && r.Header.Get("X-Amz-Expected-Bucket-Owner") != "111122223333" {
			t.Errorf("%s goes to a bucket of anybody: %v", name, r.Header)
		}
	}
}

// A bucket is made where there is none, and one that is there is left as it is.
func TestCreateAssetBucket(t *testing.T) {
	t.Parallel()
	problem := func(status int, code string) answer {
		return answer{status: status, body: "<Error><Code>" + code + "</Code><Message>no " + code + "</Message></Error>"}
	}
	const look, create, settings = "HEAD /assets", "PUT /assets", "PUT /assets?"
	for name, c := range map[string]struct {
		head, create answer
		asked        []string
		err          string
	}{
		"none":          {answer{status: 404}, answer{}, []string{look, create, settings + "publicAccessBlock", settings + "encryption"}, ""},
		"there":         {answer{region: "eu-west-1"}, answer{}, []string{look}, ""},
		"another's":     {answer{status: 403}, answer{}, []string{look}, "look whether there is a bucket assets"},
		"elsewhere":     {answer{status: 301, region: "us-east-1"}, answer{}, []string{look}, "look whether there is a bucket assets"},
		"out of order":  {answer{status: 503}, answer{}, []string{look}, "look whether there is a bucket assets"},
		"made since":    {answer{status: 404}, problem(409, "BucketAlreadyOwnedByYou"), []string{look, create}, ""},
		"made by other": {answer{status: 404}, problem(409, "BucketAlreadyExists"), []string{look, create}, "make bucket assets"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := &account{tell: ofOurs(t)}
			cloud := served.serve(t, map[string]answer{look: c.head, create: c.create, settings + "publicAccessBlock": {}, settings + "encryption": {}})
			err := cloud.CreateAssetBucket(t.Context(), &deploy.Plan{Account: "111122223333", Parameters: []deploy.Parameter{{Name: "assetBucket", Value: "assets"}}})
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.asked, served.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// Programs go to a bucket of the account that was examined alone, and only those that are
// not there.
func TestUpload(t *testing.T) {
	t.Parallel()
	r := request(t, "s3://from", "s3://to")
	r.Assets.Folder = t.TempDir()
	for name, sum := range map[string]*string{"dth_linux_arm64.tar.gz": &r.Assets.Programs, "dth_lambda_linux_arm64.zip": &r.Assets.Function} {
		if err := os.WriteFile(filepath.Join(r.Assets.Folder, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		*sum = fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	}
	plan, err := deploy.Draw(r)
	if err != nil {
		t.Fatal(err)
	}
	text := sha256.Sum256([]byte(plan.Template.Text))
	template := "dth/1/template-" + fmt.Sprintf("%x", text)[:12] + ".yaml"
	programs := sha256.Sum256([]byte("dth_linux_arm64.tar.gz"))
	answers := healthy()
	for _, key := range []string{"dth/1/dth_linux_arm64.tar.gz", "dth/1/dth_lambda_linux_arm64.zip", template} {
		maps.Copy(answers, map[string]answer{"HEAD /assets/" + key: {status: 404}, "PUT /assets/" + key: {}})
	}
	answers["HEAD /assets/dth/1/dth_linux_arm64.tar.gz"] = answer{sum: base64.StdEncoding.EncodeToString(programs[:])}
	cloud := (&account{tell: ofOurs(t)}).serve(t, answers)
	cloud.Examine(t.Context(), plan, false)
	written, err := cloud.Upload(t.Context(), plan)
	if diff := cmp.Diff([]string{"dth/1/dth_lambda_linux_arm64.zip", template}, written); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
