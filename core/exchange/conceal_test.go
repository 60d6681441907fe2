package exchange

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestErrorsRepeatNothingSigned: an error must not tell the signature, however the
// store repeats it.
func TestErrorsRepeatNothingSigned(t *testing.T) {
	t.Parallel()
	const signature, token, tokenEscaped = "0123456789abcdef0123456789abcdef", "session/token+with=signs/0123456789", "session%2Ftoken%2Bwith%3Dsigns%2F0123456789"
	signed := driver.Exchange{
		Method: "GET", Header: []driver.Header{{Name: "Authorization", Value: "V4 Credential=me, Signature=" + signature[1:]}},
		Reply: &driver.Reply{Error: driver.ErrorReply{Source: driver.SourceXML, Code: "Code", Message: "Message"}},
	}
	for name, said := range map[string]string{
		"query":           "cannot read /object?Token=" + tokenEscaped + "&Signature=" + signature,
		"query, plain":    "cannot read /object?Token=" + token + "&Signature=" + signature,
		"header":          "no user for V4 Credential=me, Signature=" + signature[1:],
		"signature alone": "expected " + signature,
		"as S3 escapes":   "cannot read /object?Token=" + tokenEscaped + "&amp;Signature=" + signature + "&lt;",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				text := strings.ReplaceAll(strings.ReplaceAll(said, "&amp;", "&"), "&", "&amp;")
				_, _ = fmt.Fprintf(w, "<Error><Code>BadRequest</Code><Message>%s</Message></Error>", text)
			}))
			defer server.Close()
			client, err := NewClient(driver.Transport{})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			signed := signed
			signed.URL = server.URL + "/object?Token=" + tokenEscaped + "&Signature=" + signature
			_, err = client.Do(t.Context(), signed, Request{})
			if err == nil || !strings.Contains(err.Error(), "BadRequest") {
				t.Fatalf("error %v, want the store's", err)
			}
			for _, secret := range []string{signature[1:], token, tokenEscaped, "signs"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells %q: %v", secret, err)
				}
			}
			if first, _, _ := strings.Cut(said, " "); !strings.Contains(err.Error(), first) {
				t.Errorf("the error lost more than that: %v", err)
			}
		})
	}
}
