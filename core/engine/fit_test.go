package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// bodies are sizes that travel in each of the ways.
var bodies = map[string]int{"empty": 0, "small": 100, "streamed": 300 << 10, "in parts": 9 * minPart}

func (w *world) forBody(name string) {
	if name == "streamed" {
		w.settings.MultipartThreshold = 1 << 20
	}
}

func TestAttributesThatTheDestinationCannotHold(t *testing.T) {
	t.Parallel()
	attributes := driver.Attributes{
		ContentType: "text/plain", ContentLanguage: "de", StorageClass: "COOL",
		Metadata: []driver.Metadata{{Name: "a-x5f-b", Value: "1"}, {Name: "a_b", Value: "Zoë"}, {Name: "plain", Value: "2"}},
		Tags:     []driver.Tag{{Key: "k", Value: "v"}, {Key: "l", Value: "w"}, {Key: "m", Value: "x"}},
	}
	simple := attributes
	simple.ContentLanguage, simple.Tags = "", attributes.Tags[:2]
	for name, test := range map[string]struct {
		rules    func(*driver.Session)
		policy   job.Unmappable
		given    driver.Attributes
		metadata []driver.Metadata // nil where the object fails
		tags     []driver.Tag
		class    string
		says     []string
	}{
		"COS fails": {
			likeCOS, job.UnmappableFail, attributes, nil, nil, "",
			[]string{`header content-language "de": the store does not keep it`, `metadata "a_b": its name contains '_'`, "--unmappable drop leaves it out"},
		},
		"COS drops": {
			likeCOS, job.UnmappableDrop, attributes,
			[]driver.Metadata{{Name: "a-x5f-b", Value: "1"}, {Name: "plain", Value: "2"}}, attributes.Tags, "COOL",
			[]string{`header content-language "de" left out`, `metadata "a_b" left out`},
		},
		"OSS drops": {
			likeOSS, job.UnmappableDrop, attributes,
			[]driver.Metadata{{Name: "a-x5f-b", Value: "1"}, {Name: "plain", Value: "2"}}, attributes.Tags[:2], "COOL",
			[]string{`tags "m" left out: the object has 3 tags, the store takes 2`},
		},
		"OSS encodes": {
			likeOSS, job.UnmappableEncode, simple,
			[]driver.Metadata{{Name: "a-x2d-x5f-b", Value: "1"}, {Name: "a-x5f-b", Value: "Zo%C3%AB"}, {Name: "plain", Value: "2"}}, simple.Tags, "COOL",
			[]string{`metadata "a_b" written as "a-x5f-b"`, `metadata "a-x5f-b" written as "a-x2d-x5f-b"`, `value of metadata "a_b" percent-encoded`},
		},
		"COS cannot encode a header": {
			likeCOS, job.UnmappableEncode, attributes, nil, nil, "", []string{"content-language", "nor can it be encoded"},
		},
		"Kodo drops": {
			likeKodo, job.UnmappableDrop, attributes,
			[]driver.Metadata{{Name: "a-x5f-b", Value: "1"}, {Name: "plain", Value: "2"}}, nil, "",
			[]string{`metadata "a_b" left out: its value is not US-ASCII`, `tags "k", "l", "m" left out: the store keeps no tags`, `storage class "COOL" left out: the store has no class of its tier (cool)`},
		},
		"Kodo fails": {
			likeKodo, job.UnmappableFail, attributes, nil, nil, "", []string{`storage class "COOL"`, "keeps no tags"},
		},
	} {
		for body, size := range bodies {
			if test.policy != job.UnmappableEncode && (body == "empty" || body == "streamed") {
				continue // these ways differ in nothing that the policy changes
			}
			t.Run(name+"/"+body, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.rules = test.rules
				w.settings.Unmappable, w.settings.StorageClass, w.settings.Tags = test.policy, job.ClassOfSource, true
				w.forBody(body)
				w.put("object", content(size, 1), test.given)
				w.put("other", content(1, 1), driver.Attributes{})
				report, err := w.trySync(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if test.metadata == nil {
					w.refused(report, test.says)
					return
				}
				w.adapted(report, test.says)
				object, _, err := w.destination.Get("dst", "object")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.metadata, object.Attributes.Metadata); diff != "" {
					t.Errorf("metadata (-want +got):\n%s", diff)
				}
				if tags, err := w.destination.Tags("dst", "object"); err != nil || !cmp.Equal(test.tags, tags) {
					t.Errorf("tags %v, %v, want %v", tags, err, test.tags)
				}
				if object.StorageClass != test.class {
					t.Errorf("class %q, want %q", object.StorageClass, test.class)
				}
				if report := w.sync(); report.Objects.Copied != 0 || report.Objects.Equal != 2 {
					t.Errorf("the second sync: %+v", report.Objects)
				}
			})
		}
	}
}

// refused checks that one object failed, with an error that says so, and the other did not.
func (w *world) refused(report *observe.Report, says []string) {
	w.t.Helper()
	if report.State != "failed" || report.Objects.Failed != 1 || report.Objects.Unmappable != 1 || report.Objects.Copied != 1 || len(report.Problems) != 1 {
		w.t.Fatalf("%+v, problems %+v", report.Objects, report.Problems)
	}
	w.says(report.Problems[0].Error, says)
	w.noUploads()
}

// adapted checks that one object was adapted, and that the report says how.
func (w *world) adapted(report *observe.Report, says []string) {
	w.t.Helper()
	if report.State != "done" || report.Objects.Copied != 2 || report.Objects.Adapted != 1 || len(report.Adapted) != 1 {
		w.t.Fatalf("%+v, problems %+v, adapted %+v", report.Objects, report.Problems, report.Adapted)
	}
	w.says(strings.Join(report.Adapted[0].Changes, "; "), says)
}

func (w *world) says(text string, says []string) {
	w.t.Helper()
	for _, want := range says {
		if !strings.Contains(text, want) {
			w.t.Errorf("%q is not in %q", want, text)
		}
	}
}

func TestKeysThatTheDestinationCannotHold(t *testing.T) {
	t.Parallel()
	for policy, test := range map[job.Unmappable]struct {
		failed, skipped int64
		says            string
	}{
		job.UnmappableFail: {1, 0, `begins with "/"; --unmappable encode writes it in another form, --unmappable drop leaves it out`},
		job.UnmappableDrop: {0, 1, `begins with "/"`},
	} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules, w.settings.Unmappable = likeCOS, policy
			w.put("/lead", content(5, 1), driver.Attributes{})
			w.put("%2Flead", content(5, 2), driver.Attributes{})
			if forecast := w.plan(); forecast.Unmappable != 1 || forecast.Encoded != 0 {
				t.Errorf("plan: %+v", forecast)
			}
			report, err := w.trySync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if report.Objects.Failed != test.failed || report.Objects.Skipped != test.skipped || report.Objects.Unmappable != 1 || report.Objects.Copied != 1 {
				t.Fatalf("%+v", report.Objects)
			}
			w.says(report.Problems[0].Error, []string{test.says})
			if diff := cmp.Diff([]string{"%2Flead"}, w.destination.Keys("dst")); diff != "" {
				t.Errorf("destination (-want +got):\n%s", diff)
			}
			if _, differences := w.verify(false); !cmp.Equal(differences, []string{"missing /lead"}) {
				t.Errorf("verify: %q", differences)
			}
		})
	}
}

// TestChildrenOfObjects: a key below another object's cannot be encoded either.
func TestChildrenOfObjects(t *testing.T) {
	t.Parallel()
	for policy, skipped := range map[job.Unmappable]int64{job.UnmappableFail: 0, job.UnmappableDrop: 1, job.UnmappableEncode: 0} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules = func(s *driver.Session) {
				s.KeyRules = driver.KeyRules{NoEmptySegment: true, NoParentConflict: true, NoLeadingSlash: true}
			}
			w.settings.Unmappable = policy
			for _, key := range []string{"a", "a/b", "b/c"} {
				w.put(key, content(5, 1), driver.Attributes{})
			}
			report, err := w.trySync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if report.Objects.Skipped != skipped || report.Objects.Failed != 1-skipped || report.Objects.Unmappable != 1 {
				t.Errorf("%+v", report.Objects)
			}
			if diff := cmp.Diff([]string{"a", "b/c"}, w.destination.Keys("dst")); diff != "" {
				t.Errorf("destination (-want +got):\n%s", diff)
			}
		})
	}
}

// TestInterruptedUploadOfAnEncodedKey: what was begun is gone on with in the same form,
// and begun anew in another one; nothing is left open.
func TestInterruptedUploadOfAnEncodedKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*job.Settings)
		resumes bool
		key     string
		class   string
	}{
		"same settings": {func(*job.Settings) {}, true, "%2Flarge", "COOL"},
		"another class": {func(s *job.Settings) { s.StorageClass = "HOT" }, false, "%2Flarge", "HOT"},
		"no encoding":   {func(s *job.Settings) { s.Unmappable = job.UnmappableDrop }, false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules = likeOSS
			w.settings.Unmappable, w.settings.StorageClass, w.settings.Tags = job.UnmappableEncode, "COOL", true
			attributes := driver.Attributes{Metadata: []driver.Metadata{{Name: "a_b", Value: "1"}}, Tags: []driver.Tag{{Key: "k", Value: "v"}}}
			w.put("/large", content(20*minPart, 1), attributes)
			ctx, interrupt := context.WithCancel(t.Context())
			release := make(chan struct{})
			defer close(release)
			w.destination.Inject(memdriver.Fault{Call: "Part", First: 10, Effect: memdriver.Do(interrupt)})
			w.destination.Inject(memdriver.Fault{Call: "Part", First: 10, Effect: memdriver.Hold(release)})
			if _, err := w.trySync(ctx); err == nil {
				t.Fatal("the run was not interrupted")
			}
			w.destination.Heal()
			test.change(&w.settings)
			report, err := w.trySync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w.noUploads()
			if resumed := report.Bytes.Resumed > 0; resumed != test.resumes {
				t.Errorf("resumed %d bytes", report.Bytes.Resumed)
			}
			if test.key == "" {
				if keys := w.destination.Keys("dst"); len(keys) > 0 {
					t.Errorf("destination %q", keys)
				}
				return
			}
			want := []observe.Adaptation{{Key: "/large", Written: test.key, Changes: []string{`metadata "a_b" written as "a-x5f-b"`}}}
			if diff := cmp.Diff(want, report.Adapted); diff != "" {
				t.Errorf("adapted (-want +got):\n%s", diff)
			}
			object, _, err := w.destination.Get("dst", test.key)
			if err != nil || object.StorageClass != test.class || object.Attributes.Metadata[0].Name != "a-x5f-b" {
				t.Errorf("%+v, %v", object, err)
			}
			if tags, err := w.destination.Tags("dst", test.key); err != nil || len(tags) != 1 {
				t.Errorf("tags %v, %v", tags, err)
			}
		})
	}
}

// TestTagsCostOneRequestEach, and none unless they are asked for. Objects that were written
// in this second may cost another one.
func TestTagsCostOneRequestEach(t *testing.T) {
	t.Parallel()
	for name, asked := range map[string]bool{"asked for": true, "not asked for": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			clock := &dial{at: time.Now().Add(-time.Hour)}
			w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
			w.settings.Tags = asked
			tags := []driver.Tag{{Key: "k", Value: "v"}}
			for _, key := range []string{"a", "b"} {
				w.put(key, content(5, 1), driver.Attributes{Tags: tags})
			}
			clock.turn(time.Minute)
			want := int64(0)
			if asked {
				want = 2
			}
			if report := w.sync(); report.Requests.Source["get-tags"] != want {
				t.Errorf("requests %v", report.Requests.Source)
			}
			if got, err := w.destination.Tags("dst", "a"); err != nil || asked != cmp.Equal(tags, got) {
				t.Errorf("tags %v, %v", got, err)
			}
		})
	}
}
