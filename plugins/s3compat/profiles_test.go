package main

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/plugins/internal/s3driver"
	"github.com/dth-dev/dth/sdk/driver"
)

func TestProfilesAreThese(t *testing.T) {
	t.Parallel()
	names, err := profileNames()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"b2", "ceph", "cos-s3", "gcs-xml", "generic", "kodo-s3", "minio", "oracle", "oss-s3", "r2", "spaces", "versitygw", "wasabi",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}
}

// TestProfilesAreComplete wants every quirk stated in every profile, so that nothing is
// left to what a missing field happens to mean.
func TestProfilesAreComplete(t *testing.T) {
	t.Parallel()
	want := fieldsOf(reflect.TypeFor[s3driver.Profile](), "")
	forEachProfile(t, func(t *testing.T, name string, _ s3driver.Profile) {
		document, err := profileFiles.ReadFile("profiles/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var stated map[string]any
		if err := yaml.Unmarshal(document, &stated); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, namesIn(stated, "")); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	})
}

// fieldsOf returns the paths of all fields that a profile has.
func fieldsOf(of reflect.Type, above string) []string {
	var paths []string
	for field := range of.Fields() {
		tag := field.Tag.Get("yaml")
		switch {
		case tag == "-":
		case field.Type.Kind() == reflect.Struct:
			paths = append(paths, fieldsOf(field.Type, above+tag+".")...)
		default:
			paths = append(paths, above+tag)
		}
	}
	slices.Sort(paths)
	return paths
}

func namesIn(document map[string]any, above string) []string {
	var paths []string
	for name, value := range document {
		if section, is := value.(map[string]any); is {
			paths = append(paths, namesIn(section, above+name+".")...)
		} else {
			paths = append(paths, above+name)
		}
	}
	slices.Sort(paths)
	return paths
}

var regionless = regexp.MustCompile(`^(https://[a-z0-9.{}-]+)?$`)

// TestProfilesAreSane looks for values that contradict each other or what S3 is.
func TestProfilesAreSane(t *testing.T) {
	t.Parallel()
	forEachProfile(t, func(t *testing.T, _ string, profile s3driver.Profile) {
		l, c := profile.Limits, profile.Checksums
		addressings := []s3driver.Addressing{s3driver.AddressingPath, s3driver.AddressingVirtualHost, s3driver.AddressingAuto}
		for problem, wrong := range map[string]bool{
			"it has no title":                                                            profile.Title == "",
			"its addressing is unknown":                                                  !slices.Contains(addressings, profile.Addressing),
			"its endpoint is no URL":                                                     !regionless.MatchString(profile.Endpoint) || strings.Contains(strings.Replace(profile.Endpoint, "{region}", "", 1), "{"),
			"its listings are without order, which no run survives":                      !profile.Listing.Ordered,
			"a part is larger or smaller than S3 has them":                               l.MinPart < 5<<20 || l.MaxPart > 5<<30 || l.MinPart > l.MaxPart,
			"the number of parts is not S3's":                                            l.MaxParts < 1 || l.MaxParts > 10_000,
			"a page is larger than S3's":                                                 l.MaxKeys < 1 || l.MaxKeys > 1000,
			"one PUT takes more than S3's":                                               l.MaxPut < 1 || l.MaxPut > 5<<30,
			"its parts cannot make its largest object":                                   l.MaxObject < l.MaxPut || l.MaxObject > l.MaxPart*int64(l.MaxParts),
			"metadata has no limit":                                                      profile.Metadata.Bytes <= 0,
			"a name may be longer than all metadata":                                     profile.Metadata.MaxName > profile.Metadata.Bytes,
			"keys are longer than S3's":                                                  profile.Keys.MaxBytes < 1 || profile.Keys.MaxBytes > 1024,
			"its checksums go nowhere":                                                   len(c.Stored) == 0 && (c.Header || c.TrailerChunk > 0 || c.UploadWhole),
			"a trailer is kept without trailers":                                         c.KeepsChunked && c.TrailerChunk == 0,
			"XML carries no control characters, encoding is off, and keys may hold them": profile.Listing.NoEncoding && !profile.Keys.NoControl,
			"parts are copied without a size from which":                                 profile.Copies.Parts && (l.MaxCopy == 0 || !profile.Copies.Objects),
			"it is trusted with unmeasured copies of odd keys":                           profile.Copies.Objects && profile.Keys.LookUp,
			"it restores without an archive":                                             profile.Restore && len(profile.Classes) == 0,
		} {
			if wrong {
				t.Error(problem)
			}
		}
	})
}

// TestProfilesAreUsable opens a bucket with each and compares what its session says.
func TestProfilesAreUsable(t *testing.T) {
	t.Parallel()
	forEachProfile(t, func(t *testing.T, name string, profile s3driver.Profile) {
		bucket, err := store{}.Open(t.Context(), driver.OpenRequest{
			Bucket: "b", Credentials: "anonymous", Options: map[string]string{"endpoint": "https://store.example", "profile": name, "region": "r"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = bucket.Close() }()
		session := bucket.Session()
		if session.Identity != "store.example/b" {
			t.Errorf("identity %q", session.Identity)
		}
		for capability, want := range map[driver.Capability]bool{
			driver.CapabilityConditionalGet: profile.ConditionalGet, driver.CapabilityCopier: profile.Copies.Objects,
			driver.CapabilityTagger: profile.Limits.MaxTags > 0, driver.CapabilityRestorer: profile.Restore,
			driver.CapabilityEventParser: profile.Events, driver.CapabilityUploadLister: profile.Uploads.List,
		} {
			if session.Has(capability) != want {
				t.Errorf("the session has %s: %t, want %t", capability, !want, want)
			}
		}
	})
}

func forEachProfile(t *testing.T, run func(*testing.T, string, s3driver.Profile)) {
	t.Helper()
	names, err := profileNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			profile, err := readProfile(name)
			if err != nil {
				t.Fatal(err)
			}
			run(t, name, profile)
		})
	}
}
