package job_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// flag is a setting on the command line.
func flag(name, text string) map[string]job.Value {
	return map[string]job.Value{name: {Text: text, Origin: job.Origin{Where: "--" + name, Usage: true}}}
}

// TestShorthandPrecedence adds stronger and stronger places of an ACL.
func TestShorthandPrecedence(t *testing.T) {
	t.Parallel()
	var in job.Input
	location, store, defaults, ofJob := "cn:b", "", "", ""
	var environ []string
	for _, place := range []struct {
		origin string
		add    func(rule string)
	}{
		{"dth.yaml:2:17", func(rule string) { defaults = "acl: " + rule }},
		{"dth.yaml:1:32", func(rule string) { store = ", acl: " + rule }},
		{"dth.yaml:4:28", func(rule string) { ofJob = ", acl: " + rule }},
		{"DTH_ACL", func(rule string) { environ = append(environ, "DTH_ACL="+rule) }},
		{"DTH_DESTINATION_ACL", func(rule string) { environ = append(environ, "DTH_DESTINATION_ACL="+rule) }},
		{"location", func(rule string) { location += "?acl=" + rule }},
		{"--acl", func(rule string) { in.Flags = flag("acl", rule) }},
	} {
		rule := "of " + place.origin
		place.add(rule)
		in.Environ = job.Environ(environ)
		in.Files = []*job.File{file(t, "dth.yaml", "stores: {cn: {plugin: s3"+store+"}}\ndefaults: {"+defaults+"}\njobs:\n  n: {source: s3://a"+
			ofJob+", destination: '"+location+"'}\n")}
		got, err := in.Named("n")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"acl": rule}, got.Destination.Options); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place.origin, diff)
		}
		origin := got.Destination.Origins["acl"].String()
		if place.origin != "location" && origin != place.origin {
			t.Errorf("from %s, want %s", origin, place.origin)
		}
		if len(got.Source.Options) > 0 {
			t.Errorf("the source took %v", got.Source.Options)
		}
		if _, listed := got.Values["acl"]; listed {
			t.Error("acl shows twice: as a setting and as an option")
		}
	}
}

func TestShorthands(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flags               map[string]job.Value
		source, destination string // queries of the locations
		environ             string
		want                [2]map[string]string
		fails               string
	}{
		"a key":        {flags: flag("sse", "aws:kms=arn:aws:kms:eu-west-1:1:key/2"), want: [2]map[string]string{{}, {"sse": "aws:kms", "sse-kms-key": "arn:aws:kms:eu-west-1:1:key/2"}}},
		"another key":  {flags: flag("sse", "aws:kms=new"), destination: "?sse=aws:kms&sse-kms-key=old", want: [2]map[string]string{{}, {"sse": "aws:kms", "sse-kms-key": "new"}}},
		"no key more":  {flags: flag("sse", "AES256"), destination: "?sse=aws:kms&sse-kms-key=old", want: [2]map[string]string{{}, {"sse": "AES256"}}},
		"weaker key":   {environ: "DTH_DESTINATION_SSE_KMS_KEY=old", destination: "?sse=aws:kms", want: [2]map[string]string{{}, {"sse": "aws:kms", "sse-kms-key": "old"}}},
		"unset":        {flags: flag("acl", ""), destination: "?acl=private", want: [2]map[string]string{{}, {}}},
		"payer":        {flags: flag("requester-pays", "true"), want: [2]map[string]string{{"requester-pays": "true"}, {}}},
		"payer no":     {flags: flag("requester-pays", "false"), source: "?requester-pays=true", want: [2]map[string]string{{"requester-pays": "false"}, {}}},
		"payer by env": {environ: "DTH_REQUESTER_PAYS=true", want: [2]map[string]string{{"requester-pays": "true"}, {}}},
		"no boolean":   {environ: "DTH_REQUESTER_PAYS=yes", fails: `DTH_REQUESTER_PAYS: "yes" is neither true nor false`},
		"no key named": {flags: flag("sse", "aws:kms="), fails: `--sse: "aws:kms=" is no encryption: write none, AES256, aws:kms or aws:kms=KEY`},
		"metadata":     {flags: flag("metadata", "some"), fails: `--metadata: unknown value "some": known: all, none`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := job.Input{Flags: test.flags, Environ: job.Environ([]string{test.environ})}
			got, err := in.Sync("s3://a"+test.source, "s3://b"+test.destination)
			if test.fails != "" {
				if err == nil || err.Error() != test.fails {
					t.Errorf("%v, want %s", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, [2]map[string]string{got.Source.Options, got.Destination.Options}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestShorthandAndOption(t *testing.T) {
	t.Parallel()
	in := job.Input{Flags: flag("acl", "private"), DestinationOptions: map[string]string{"acl": "public-read"}}
	_, err := in.Sync("s3://a", "s3://b")
	var mistake *job.Error
	if !errors.As(err, &mistake) || !mistake.Usage || err.Error() != "--acl: option acl is given twice: leave one of the flags out" {
		t.Errorf("%v", err)
	}
}

// TestShorthandOfAnotherStore: the refusal names the option, where it was asked for and what to do.
func TestShorthandOfAnotherStore(t *testing.T) {
	t.Parallel()
	kodo := driver.Description{Name: "kodo", Options: []driver.Option{{Name: "region"}}}
	for where, text := range map[string]string{"--acl: ": "kodo://b", "": "kodo://b?acl=private"} {
		var in job.Input
		if where != "" {
			in.Flags = flag("acl", "private")
		}
		got, err := in.Sync("s3://a", text)
		if err != nil {
			t.Fatal(err)
		}
		err = job.CheckOptions(got.Destination, kodo)
		var mistake *job.Error
		want := where + "plugin kodo has no option acl, because its store has nothing of the kind: leave it out"
		if !errors.As(err, &mistake) || !mistake.Usage || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestTerms(t *testing.T) {
	t.Parallel()
	plain, err := job.Input{}.Sync("s3://a?acl=private", "s3://b?region=r")
	if err != nil || plain.Terms() != "" {
		t.Errorf("%q, %v, want none", plain.Terms(), err)
	}
	for _, policy := range []string{"drop", "encode"} {
		asked, err := job.Input{Flags: flag("unmappable", policy)}.Sync("s3://a", "s3://b")
		if want := "unmappable=" + policy; err != nil || asked.Terms() != want {
			t.Errorf("%q, %v, want %q", asked.Terms(), err, want)
		}
	}
	in := job.Input{Flags: flag("metadata", "none")}
	asked, err := in.Sync("s3://a", "s3://b?sse-kms-key=k&sse=aws:kms&acl=private&region=r")
	if want := "metadata=none acl=private sse=aws:kms sse-kms-key=k"; err != nil || asked.Terms() != want {
		t.Errorf("%q, %v, want %q", asked.Terms(), err, want)
	}
}
