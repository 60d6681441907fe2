package integration

import (
	"bytes"
	"net/url"
	"slices"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

// TestVendorsOwnHosts reaches each vendor's store under the vendor's own host names, which
// the option resolve leads to this machine, while the emulator refuses what the vendor
// refuses there. Downloads from such names carry a disposition that is not the object's.
func TestVendorsOwnHosts(t *testing.T) {
	t.Parallel()
	hosts := map[string]struct{ bucket, host, options string }{
		"oss":  {"data", "oss-cn-hangzhou.aliyuncs.com", "&region=cn-hangzhou"},
		"cos":  {"data-1250000000", "cos.ap-guangzhou.myqcloud.com", "&region=ap-guangzhou"},
		"kodo": {"data", "uc.qiniuapi.com", ""},
	}
	for vendor, own := range hosts {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			origin := startMem(t, "ORIGIN")
			emulator := servers.StartEmulator(t, servers.EmulatorConfig{
				Vendor: vendor, Buckets: []string{own.bucket}, AccessKey: "access-key", SecretKey: "secret-key", Flags: []string{"-strict-host"},
			})
			at, err := url.Parse(emulator.Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			store := &vendorStore{
				vendor: vendor, bucket: own.bucket, prefix: "STORE", keys: keys("STORE", "access-key", "secret-key"),
				options: "endpoint=http://" + own.host + ":" + at.Port() + "&resolve=*:" + at.Port() + ":127.0.0.1" + own.options,
			}
			attributes := driver.Attributes{ContentType: "text/plain", ContentDisposition: `inline; filename="x"`}
			for key, size := range map[string]int{"small": 700, "streamed": 400 << 10, "parts": 11 << 20, "empty": 0} {
				if _, err := origin.Put(bucket, key, content(key, size), attributes); err != nil {
					t.Fatal(err)
				}
			}
			p := newProgram(t, slices.Concat(origin.keys(), store.keys)...)
			p.must(0, append([]string{"sync", origin.at(""), store.at("")}, inParts...)...)
			p.must(0, append([]string{"sync", store.at(""), origin.at("back/")}, inParts...)...)
			for _, key := range []string{"small", "streamed", "parts", "empty"} {
				before, data, err := origin.Get(bucket, key)
				if err != nil {
					t.Fatal(err)
				}
				after, arrived, err := origin.Get(bucket, "back/"+key)
				if err != nil || !bytes.Equal(data, arrived) || after.Attributes.ContentDisposition != before.Attributes.ContentDisposition {
					t.Errorf("%q came back with %d bytes and %q: %v", key, len(arrived), after.Attributes.ContentDisposition, err)
				}
			}
		})
	}
}
