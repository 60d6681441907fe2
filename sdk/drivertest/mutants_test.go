package drivertest

import (
	"context"
	"slices"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// mutant is the reference driver, or its store, with one seeded bug.
type mutant struct {
	bug     string
	caught  []string         // the cases that must fail, each by itself
	framing string           // the driver's option; empty for raw
	bearer  bool             // declare bearer uploads, which a signature is better than
	bucket  func(b *altered) // seeds a bug in the bucket
	driver  func(d *seeded)  // seeds a bug in the driver
	server  func(s *testBed) // seeds a bug in the store
}

// seeded is the reference driver with room for bugs.
type seeded struct {
	driver.Driver
	mutant   mutant
	describe func(driver.Description) driver.Description
	open     func(driver.OpenRequest) driver.OpenRequest
}

func (d *seeded) Describe(ctx context.Context) (driver.Description, error) {
	description, err := d.Driver.Describe(ctx)
	if d.describe != nil {
		description = d.describe(description)
	}
	return description, err
}

func (d *seeded) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	if d.open != nil {
		request = d.open(request)
	}
	bucket, err := d.Driver.Open(ctx, request)
	if err != nil {
		return nil, err
	}
	b := &altered{whole: bucket.(whole)}
	if d.mutant.bearer {
		session := bucket.Session()
		session.Capabilities = append(slices.Clone(session.Capabilities), driver.CapabilityBearerUploads)
		b.session = func() driver.Session { return session }
	}
	if d.mutant.bucket != nil {
		d.mutant.bucket(b)
	}
	return b, nil
}

// testBed is a store and a harness for it.
type testBed struct {
	*memdriver.Server
	harness Harness
}

func newTestBed(t *testing.T, m mutant) *testBed {
	t.Helper()
	server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{
		"good": {Secret: "good-secret"}, "poor": {Secret: "poor-secret", Buckets: []string{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.CreateBucket("box")
	silent, stop, err := Silence()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	d := &seeded{mutant: m, Driver: memdriver.New(func(name string) string {
		return map[string]string{
			"GOOD_ACCESS_KEY_ID": "good", "GOOD_SECRET_ACCESS_KEY": "good-secret",
			"POOR_ACCESS_KEY_ID": "poor", "POOR_SECRET_ACCESS_KEY": "poor-secret",
		}[name]
	})}
	if m.driver != nil {
		m.driver(d)
	}
	request := func(bucket, credentials, endpoint string) driver.OpenRequest {
		options := map[string]string{"endpoint": endpoint, "min-part": "1024"}
		if m.framing != "" {
			options["framing"] = m.framing
		}
		return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: options}
	}
	absent, denied := request("absent", "env:GOOD", server.Endpoint()), request("box", "env:POOR", server.Endpoint())
	mute, unreachable := request("box", "env:GOOD", "http://"+silent), request("box", "env:GOOD", "unix:///nonexistent/socket")
	bed := &testBed{Server: server, harness: Harness{
		Driver: d, Bucket: request("box", "env:GOOD", server.Endpoint()),
		Absent: &absent, Denied: &denied, Silent: &mute, Unreachable: &unreachable,
	}}
	if m.server != nil {
		m.server(bed)
	}
	return bed
}

// runCase runs the named case against the mutant.
func runCase(t *testing.T, m mutant, name string) (outcome, []string) {
	t.Helper()
	cases := allCases()
	at := slices.IndexFunc(cases, func(c testCase) bool { return c.name == name })
	if at < 0 {
		t.Fatalf("there is no case %q", name)
	}
	s, err := newSuite(t.Context(), newTestBed(t, m).harness)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if outcome := s.applies(cases[at]); outcome != proven {
		t.Fatalf("case %q does not apply: %s", name, outcome)
	}
	return s.run(t.Context(), cases[at])
}

func allMutants() []mutant {
	return slices.Concat(openMutants(), bucketMutants(), listMutants(), uploadMutants(), abilityMutants(), serverMutants())
}

// TestMutantsAreCaught seeds one bug at a time and demands that the suite sees it.
func TestMutantsAreCaught(t *testing.T) {
	t.Parallel()
	for _, m := range allMutants() {
		for _, name := range m.caught {
			t.Run(m.bug+"/"+name, func(t *testing.T) {
				t.Parallel()
				if outcome, failures := runCase(t, m, name); outcome != failed {
					t.Errorf("the bug survives: the case is %s", outcome)
				} else {
					t.Logf("caught: %s", failures[0])
				}
			})
		}
	}
}

// TestEveryCaseCatchesAMutant demands that no case passes whatever the driver
// does: each fails for some mutant, and passes without one.
func TestEveryCaseCatchesAMutant(t *testing.T) {
	t.Parallel()
	mutants := allMutants()
	for _, c := range allCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			at := slices.IndexFunc(mutants, func(m mutant) bool { return slices.Contains(m.caught, c.name) })
			if at < 0 {
				t.Fatal("no mutant is caught by this case")
			}
			sound := mutant{framing: mutants[at].framing, bearer: mutants[at].bearer}
			if outcome, failures := runCase(t, sound, c.name); outcome != proven {
				t.Errorf("without a bug the case is %s: %q", outcome, failures)
			}
		})
	}
}
