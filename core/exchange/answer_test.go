package exchange_test

import (
	"net/http"
	"testing"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

// ask sends a GET that is answered with the header and status 200.
func ask(t *testing.T, reply *driver.Reply, header map[string]string) *exchange.Answer {
	t.Helper()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
	})
	answer, err := newClient(t).Do(t.Context(), driver.Exchange{Method: "GET", URL: url, Reply: reply}, exchange.Request{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func TestAnswerTellsThatItsHeadersAreNotTheObjects(t *testing.T) {
	t.Parallel()
	silent := *reply
	silent.Overridden = ""
	tests := map[string]struct {
		reply  *driver.Reply
		header map[string]string
		want   bool
	}{
		"with the header":    {reply, map[string]string{"X-Store-Forced": "true"}, true},
		"whatever its value": {reply, map[string]string{"X-Store-Forced": ""}, true},
		"without it":         {reply, nil, false},
		"no such header":     {&silent, map[string]string{"X-Store-Forced": "true"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ask(t, test.reply, test.header).Overridden(); got != test.want {
				t.Errorf("Overridden = %v, want %v", got, test.want)
			}
		})
	}
}

func TestChecksumEncodings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		encoding  driver.Encoding
		text      string
		want      string
		composite bool
		refused   bool
	}{
		"base64":                           {driver.EncodingBase64, "+/+/", "\xfb\xff\xbf", false, false},
		"base64 of parts":                  {driver.EncodingBase64, "+/+/-2", "\xfb\xff\xbf", true, false},
		"URL-safe: a dash is a digit":      {driver.EncodingBase64URL, "-_-_", "\xfb\xff\xbf", false, false},
		"URL-safe, padded":                 {driver.EncodingBase64URL, "-w==", "\xfb", false, false},
		"URL-safe, without its padding":    {driver.EncodingBase64URL, "-w", "\xfb", false, false},
		"URL-safe with the other digits":   {driver.EncodingBase64URL, "+/+/", "", false, true},
		"hex, as MD5 is stated":            {driver.EncodingHex, "D41d8c", "\xd4\x1d\x8c", false, false},
		"hex of parts":                     {driver.EncodingHex, "d41d8c-3", "\xd4\x1d\x8c", true, false},
		"hex, the ETag at once":            {driver.EncodingHex, `"d41d8c"`, "\xd4\x1d\x8c", false, false},
		"URL-safe, the ETag at once":       {driver.EncodingBase64URL, `"-_-_"`, "\xfb\xff\xbf", false, false},
		"URL-safe, a weak ETag":            {driver.EncodingBase64URL, `W/"-_-_"`, "", false, true},
		"half a hex digit":                 {driver.EncodingHex, "d41", "", false, true},
		"decimal":                          {driver.EncodingDecimal, "18446744073709551615", "\xff\xff\xff\xff\xff\xff\xff\xff", false, false},
		"decimal beyond 64 bits":           {driver.EncodingDecimal, "18446744073709551616", "", false, true},
		"text is what it is, dash and all": {driver.EncodingText, "a-1", "a-1", false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stating := &driver.Reply{Accept: []int{200}, Capture: []driver.Capture{
				{Field: driver.FieldChecksum, Name: "X-Sum", Algorithm: driver.AlgorithmMD5, Encoding: test.encoding},
			}}
			sums := ask(t, stating, map[string]string{"X-Sum": test.text}).Checksums
			if test.refused {
				if len(sums) != 0 {
					t.Errorf("read as %+v", sums)
				}
				return
			}
			if len(sums) != 1 || sums[0].Value != test.want || sums[0].Composite != test.composite {
				t.Errorf("read as %+v, want %q, composite %v", sums, test.want, test.composite)
			}
		})
	}
}

// A qetag says by itself whether it is of the bytes or of the parts.
func TestQETagOfPartsIsNotOfTheBytes(t *testing.T) {
	t.Parallel()
	stating := &driver.Reply{Accept: []int{200}, Capture: []driver.Capture{
		{Field: driver.FieldChecksum, Name: "ETag", Algorithm: driver.AlgorithmQETag, Encoding: driver.EncodingBase64URL},
	}}
	for text, want := range map[string]int{`"Fto5o-5ea0sNMlW_75VgGJCv2AcJ"`: 1, `"lvtM_iKNnZXkZR8U3Fvi_QQO2yyi"`: 1, `"ns56DcSIfBFUENXjdhsJTIvl3Rcu"`: 0, `"Fto5o-5ea0sNMlW_75VgGJCv2AcJ.gz"`: 0} {
		if sums := ask(t, stating, map[string]string{"ETag": text}).FullChecksums(); len(sums) != want {
			t.Errorf("%s: full-object checksums %v, want %d", text, sums, want)
		}
	}
}
