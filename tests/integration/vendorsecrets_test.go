package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tap stands between dth with its plugins and an emulator, and remembers whatever
// grants something: signatures, signed addresses, upload tokens.
type tap struct {
	*httptest.Server
	mu      sync.Mutex
	grants  map[string]bool
	passed  int
	hold    int           // the request of this number waits
	held    chan struct{} // closed when it has come
	release chan struct{} // closed by the test to let it pass
}

func startTap(t *testing.T, endpoint string, hold int) *tap {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{grants: map[string]bool{}, hold: hold, held: make(chan struct{}), release: make(chan struct{})}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = &http.Transport{DisableCompression: true} // or it would ask for gzip, which costs the ETag
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.remember(r) == p.hold {
			close(p.held)
			<-p.release
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// grantParameters are the query parameters of signed addresses.
var grantParameters = []string{"x-oss-signature", "x-oss-security-token", "q-signature", "x-cos-security-token", "token", "X-Amz-Signature"}

// formToken is the upload token of a form.
var formToken = regexp.MustCompile(`name="token"\r\n\r\n([^\r]+)\r\n`)

// remember keeps the grants of a request and returns its number.
func (p *tap) remember(r *http.Request) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	for _, name := range grantParameters {
		p.grants[query.Get(name)] = true
	}
	for part := range strings.FieldsFuncSeq(r.Header.Get("Authorization"), func(c rune) bool { return strings.ContainsRune(" ,&:", c) }) {
		_, value, found := strings.Cut(part, "ignature=")
		switch {
		case found:
			p.grants[value] = true
		case len(part) > 20 && !strings.Contains(part, "="): // signature or policy of a token
			p.grants[part] = true
		}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		head := make([]byte, 4<<10)
		n, _ := io.ReadFull(r.Body, head) // a short form ends early
		if match := formToken.FindSubmatch(head[:n]); match != nil {
			for part := range strings.SplitSeq(string(match[1]), ":") {
				p.grants[part] = true
			}
		}
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head[:n]), r.Body), r.Body}
	}
	p.passed++
	return p.passed
}

// seen returns the grants but the access key, which every signed address tells.
func (p *tap) seen(accessKey string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for grant := range p.grants {
		if grant != "" && grant != accessKey && len(grant) > 10 {
			all = append(all, grant)
		}
	}
	return all
}

// TestSecretsOfEveryVendorStayInTheirPlugin copies to and from each vendor's emulator at
// the most talkative level and looks everywhere for the secret key, and for every
// signature and token that went over the wire.
func TestSecretsOfEveryVendorStayInTheirPlugin(t *testing.T) {
	for _, vendor := range []string{"oss", "cos", "kodo"} {
		t.Run(vendor, func(t *testing.T) {
			origin, store := startMem(t, "ORIGIN"), startVendor(t, vendor, "STORE")
			tap := startTap(t, store.emulator.Endpoint, 6)
			store.options = strings.Replace(store.options, store.emulator.Endpoint, tap.URL, 1)
			origin.put("large", content("large", 11<<20))
			for i := range 20 {
				origin.put(fmt.Sprintf("small/%d", i), content(fmt.Sprint(i), 3000))
			}
			p := newProgram(t, origin.keys()...)
			path := p.write("keys.json", fmt.Sprintf(`{"access_key_id": %q, "secret_access_key": %q}`, store.emulator.AccessKey, store.emulator.SecretKey))
			at := strings.Replace(store.at(""), "env:STORE", "file:"+path, 1)
			arguments := append([]string{"--json", "--log-level=trace", "--state=there"}, inParts...)
			r := p.start(append([]string{"sync", origin.at(""), at}, arguments...)...)
			select {
			case <-tap.held:
			case <-r.ended:
				t.Fatalf("dth ended by itself: %+v", r.wait())
			}
			host := fmt.Sprint(r.command.Process.Pid)
			if found := inMemory(t, host, store.emulator.SecretKey); len(found) > 0 {
				t.Error("the host's memory holds the secret key")
			}
			close(tap.release)
			there := r.wait()
			back := p.run("sync", at, origin.at("back/"), "--json", "--log-level=trace", "--state=back")
			if there.code != 0 || back.code != 0 {
				t.Fatalf("exit codes %d and %d\n%s\n%s", there.code, back.code, there.stderr, back.stderr)
			}
			grants := tap.seen(store.emulator.AccessKey)
			if len(grants) < 20 {
				t.Fatalf("only %d signatures and tokens were seen", len(grants))
			}
			searchAll(t, map[string]string{
				"output there": there.stdout + there.stderr, "output back": back.stdout + back.stderr,
				"state there": readAll(t, filepath.Join(p.folder, "there")), "state back": readAll(t, filepath.Join(p.folder, "back")),
				"status": p.must(0, "status", "--json", "--state=there").stdout,
			}, slices.Concat(grants, []string{store.emulator.SecretKey}))
		})
	}
}
