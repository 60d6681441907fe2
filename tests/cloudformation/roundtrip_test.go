package cloudformation

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/deploy"
	"github.com/dth-dev/dth/core/job"
)

// same is what counts of a job where it is done by a fleet.
type same struct {
	Source, Destination                string
	StorageClass, Metadata, Events     string
	Transfers, StatusDays              int
	CheckEvery                         time.Duration
	GiantThreshold, MaxDelete, Attempt int64
}

func sameOf(j job.Job) same {
	j.Source.Store, j.Destination.Store = "", ""
	s := j.Settings
	return same{
		j.Source.String(), j.Destination.String(), s.StorageClass, string(s.Metadata), s.Fleet.Events,
		s.Transfers, s.Fleet.StatusDays, s.Fleet.CheckEvery, s.Fleet.GiantThreshold, s.MaxDelete.Count, int64(s.Fleet.Attempts),
	}
}

// What a machine of the stack reads at boot is the job that was deployed.
func TestDeployedJobIsTheJob(t *testing.T) {
	t.Parallel()
	const s3, fromS3, toS3 = "s3://from", "s3://from?region=eu-west-1", "s3://to?acl=private"
	for name, c := range map[string]struct {
		source, destination string
		flags               map[string]string
		want                func(*same) // what is otherwise, to no effect
	}{
		"plain":            {source: s3, destination: toS3},
		"folder":           {source: "s3://from/a/b/", destination: "s3://to/a/b/?acl=private"},
		"folder below":     {source: "s3://from/a/b/", destination: "s3://to/x/y/a/b/?acl=private"},
		"folder alone":     {source: "s3://from/a/b/", destination: "s3://to/x/?acl=private"},
		"like a folder":    {source: "s3://from/a/", destination: "s3://to/xa/?acl=private"},
		"folder to bucket": {source: "s3://from/a/b/", destination: toS3},
		"beginning":        {source: "s3://from/it's/2%25%2A*", destination: "s3://to/it's/?acl=private"},
		"beginning alone":  {source: "s3://from/it's/2%23*", destination: "s3://to/%3F/?acl=private"},
		"slash":            {source: s3, destination: "s3://to//x/?acl=private"},
		"slashes":          {source: "s3://from//a/", destination: "s3://to///a/?acl=private"},
		"to another place": {source: fromS3, destination: "s3://to/?acl=private&region=us-east-1&endpoint=https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com"},
		"role":             {source: "s3://from?role-arn=arn:aws:iam::444455556666:role/r&external-id=i-1", destination: "s3://to?acl=private&role-arn=arn:aws:iam::444455556666:role/w"},
		"secrets":          {source: "s3://from?credentials=secret:keys/a", destination: "s3://to?acl=private&credentials=secret:b&region=cn-north-1"},
		"anonymous":        {source: "s3://from?credentials=anonymous&requester-pays=true", destination: toS3},
		"another store":    {source: "s3compat://from?endpoint=https://storage.example.com:9000&region=auto&credentials=secret:x", destination: toS3},
		"to another store": {source: s3, destination: "s3compat://to/x/?endpoint=https://storage.example.com&credentials=anonymous"},
		"oss":              {source: "oss://from/a/?region=cn-hangzhou&credentials=secret:x&endpoint=https://oss.example.com", destination: toS3},
		"cos":              {source: s3, destination: "cos://to-125/a/?region=ap-guangzhou&credentials=secret:x"},
		"store by profile": {source: "s3compat://from?profile=r2&credentials=secret:x", destination: "s3compat://to?profile=minio&endpoint=https://minio.example.com&addressing=path&acl=private&credentials=secret:x"},
		"S3 like a store":  {source: "s3compat://from?endpoint=https://s3.amazonaws.com/&credentials=secret:x&region=us-east-1", destination: toS3},
		"options":          {source: "s3://from?addressing=path", destination: "cos://to-125?acl=private&credentials=secret:x&region=ap-guangzhou"},
		"own plugin":       {source: "tiny://from/a/?site=north&endpoint=https://tiny.example.com", destination: "tiny://to?credentials=secret:x&region=x"},
		"kodo":             {source: "kodo://from?credentials=secret:x", destination: toS3},
		"settings": {source: s3, destination: toS3, flags: map[string]string{
			"events": "CreateAndDelete", "max-delete": "77", "storage-class": "ONEZONE_IA", "metadata": "none", "transfers": "1024", "giant-threshold": "5MiB", "check-every": "15m", "status-days": "90",
		}},
		"encrypted":   {source: s3, destination: toS3, flags: map[string]string{"sse": "AES256"}},
		"with key":    {source: s3, destination: toS3, flags: map[string]string{"sse": "aws:kms=arn:aws:kms:us-east-1:111122223333:key/k-1"}},
		"with no key": {source: s3, destination: toS3, flags: map[string]string{"sse": "aws:kms"}},
		"no acl":      {source: s3, destination: "s3://to", want: func(s *same) { s.Destination += "?acl=bucket-owner-full-control" }},
		"largest":     {source: s3, destination: toS3, flags: map[string]string{"giant-threshold": "5TiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given, err := flagged(c.flags).Sync(c.source, c.destination)
			if err != nil {
				t.Fatal(err)
			}
			plan := drawn(t, deploy.Request{Job: given, Region: "eu-west-1"})
			stack := smallest.with()
			for _, parameter := range plan.Parameters {
				stack.Parameters[parameter.Name] = parameter.Value
			}
			got, _ := configured(t, "worker", stack)
			want := sameOf(given)
			if want.StorageClass == "" && given.Destination.Plugin == "s3" {
				want.StorageClass = "STANDARD" // which Amazon S3 writes where none is named
			}
			if want.Transfers == 0 {
				want.Transfers = 64 // as the form has it
			}
			if given.Settings.MaxDelete.Written == job.DefaultMaxDelete {
				want.MaxDelete = 10000 // as dth worker has it
			}
			if c.want != nil {
				c.want(&want)
			}
			if diff := cmp.Diff(want, sameOf(got)); diff != "" {
				t.Errorf("(-job +machine):\n%s", diff)
			}
		})
	}
}

// flagged is the input of a command line that says what a stack cannot do without, and more.
func flagged(more map[string]string) job.Input {
	in := job.Input{Flags: map[string]job.Value{}}
	for _, flags := range []map[string]string{
		{"stack": "photos", "email": "me@example.com", "vpc": "vpc-1", "subnets": "subnet-1,subnet-2", "asset-bucket": "assets"}, more,
	} {
		for name, text := range flags {
			in.Flags[name] = job.Value{Text: text}
		}
	}
	return in
}

// drawn draws a plan with a checksum that is none of any file.
func drawn(t *testing.T, request deploy.Request) *deploy.Plan {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if request.Template, err = deploy.ReadTemplate(string(text)); err != nil {
		t.Fatal(err)
	}
	request.Assets.Prefix, request.Assets.Programs = "dth/1/", fullest.Parameters["assetSha256"]
	plan, err := deploy.Draw(request)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// A list is read by the finder from where it is, as the source is where that is its bucket.
func TestDeployedListIsTheList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, list, want string }{
		"of the source":  {"oss://from?region=cn-hangzhou&credentials=secret:x", "oss://from/a b%23.txt", `DTH_LIST="oss://from/a b%23.txt?credentials=secret:x&region=cn-hangzhou"`},
		"of the account": {"oss://from?credentials=secret:x", "s3://lists/list.txt", `DTH_LIST="s3://lists/list.txt"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := flagged(nil)
			given, err1 := in.Sync(c.source, "s3://to")
			list, err2 := in.Object("prefixes", c.list)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			plan := drawn(t, deploy.Request{Job: given, Region: "eu-west-1", PrefixesFrom: list, SkipCompare: true})
			stack := smallest
			stack.Parameters = map[string]string{}
			for _, parameter := range plan.Parameters {
				stack.Parameters[parameter.Name] = parameter.Value
			}
			_, written := configured(t, "finder", stack)
			for _, want := range []string{c.want + "\n", "--skip-compare --prefixes-from ${DTH_LIST}"} {
				if !strings.Contains(written, want) {
					t.Errorf("the finder does not read %q:\n%s", want, written)
				}
			}
		})
	}
}
