package servers_test

import (
	"net/http"
	"testing"

	"github.com/dth-dev/dth/tests/servers"
)

func TestEmulators(t *testing.T) {
	t.Parallel()
	for vendor, bucket := range map[string]string{"oss": "box", "cos": "box-1250000000", "kodo": "box"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			emulator := servers.StartEmulator(t, servers.EmulatorConfig{
				Vendor: vendor, Buckets: []string{bucket}, AccessKey: "access", SecretKey: "secret",
			})
			answer, err := http.Get(emulator.Endpoint + "/" + bucket + "/absent")
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode < 400 {
				t.Errorf("an unsigned request is answered %s", answer.Status)
			}
			total := int64(0)
			for _, count := range emulator.Counts(t) {
				total += count.Requests
			}
			if open := emulator.OpenUploads(t); total != 1 || len(open) != 0 {
				t.Errorf("%d requests were counted, and uploads %q", total, open)
			}
			emulator.Inject(t, servers.Fault{"op": "*", "do": "reset", "times": -1})
			if reset, err := http.Get(emulator.Endpoint + "/" + bucket + "/absent"); err == nil {
				_ = reset.Body.Close()
				t.Errorf("with a reset injected it answers %s", reset.Status)
			}
			emulator.Heal(t)
		})
	}
}
