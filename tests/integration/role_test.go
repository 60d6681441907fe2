package integration

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dth-dev/dth/tests/cloud"
)

// accounts is an emulated AWS IAM and STS that keeps to trust policies.
type accounts struct{ endpoint string }

func startAccounts(t *testing.T) *accounts {
	t.Helper()
	return &accounts{cloud.StartConfigured(t, cloud.Config{Kind: cloud.MiniStack, Policies: true}).Endpoint}
}

// ask sends a request of the query protocol and returns the account that the answer names.
// The emulator looks at who signs, and not at the signature of an account's own key.
func (a *accounts) ask(t *testing.T, service, key string, form url.Values) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.endpoint+"/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20300101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var found struct {
		Account string `xml:"GetAccessKeyInfoResult>Account"`
		Message string `xml:"Error>Message"`
	}
	if err := xml.NewDecoder(answer.Body).Decode(&found); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d %s (%v)", form.Get("Action"), answer.StatusCode, found.Message, err)
	}
	return found.Account
}

// role makes a role in an account, to be taken on by the principal for the action under
// the condition.
func (a *accounts) role(t *testing.T, account, name, principal, action, condition string) {
	t.Helper()
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": %s, "Action": %q, "Condition": {"StringEquals": %s}}]}`,
		principal, action, condition)
	a.ask(t, "iam", account, url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {name}, "AssumeRolePolicyDocument": {policy}})
}

// visitors stands in front of a store and remembers with which keys it was asked.
type visitors struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[[2]string]bool // access key and session token
}

func startVisitors(t *testing.T, address string) *visitors {
	t.Helper()
	v := &visitors{seen: map[[2]string]bool{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credential, token := r.URL.Query().Get("X-Amz-Credential"), r.URL.Query().Get("X-Amz-Security-Token")
		if _, rest, signed := strings.Cut(r.Header.Get("Authorization"), "Credential="); signed {
			credential, token = rest, r.Header.Get("X-Amz-Security-Token")
		}
		id, _, _ := strings.Cut(credential, "/")
		v.mu.Lock()
		v.seen[[2]string{id, token}] = true
		v.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(v.Close)
	return v
}

// TestRoles reads a bucket under roles of an AWS that keeps to their trust policies, and
// asks it then whose keys the store saw.
func TestRoles(t *testing.T) {
	t.Parallel()
	const home, owner = "111122223333", "444455556666" // accounts
	aws := startAccounts(t)
	aws.role(t, owner, "partner", `{"AWS": "arn:aws:iam::`+home+`:root"}`, "sts:AssumeRole", `{"sts:ExternalId": "agreed"}`)
	provider := func(partition string) string {
		return `{"Federated": "arn:` + partition + `:iam::` + owner + `:oidc-provider/sts.amazonaws.com"}`
	}
	aws.role(t, owner, "beijing", provider("aws-cn"), "sts:AssumeRoleWithWebIdentity", `{"sts.amazonaws.com:aud": "dth-test"}`)
	aws.role(t, owner, "cluster", provider("aws"), "sts:AssumeRoleWithWebIdentity", `{"sts.amazonaws.com:aud": "cluster"}`)
	token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss": "https://sts.amazonaws.com", "aud": "cluster", "sub": "pod"}`)) + ".e30"
	const (
		partner = "role-arn=arn:aws:iam::" + owner + ":role/partner"
		beijing = "web-identity-role=arn:aws-cn:iam::" + owner + ":role/beijing&web-identity-region=us-east-1"
	)
	cases := map[string]struct {
		options string
		cluster bool   // the machine has a web identity token instead of keys
		stderr  string // empty for success
	}{
		"external id":       {options: "region=us-east-1&external-id=agreed&" + partner},
		"wrong external id": {options: "region=us-east-1&external-id=other&" + partner, stderr: `dth: source: .*: role arn:aws:iam::` + owner + `:role/partner: AWS STS refuses: its trust policy must name .* \(AccessDenied\).*`},
		"another partition": {options: "region=cn-north-1&web-identity-audience=dth-test&" + beijing},
		"wrong audience":    {options: "region=cn-north-1&" + beijing, stderr: `dth: source: .*: role arn:aws-cn:iam::` + owner + `:role/beijing: AWS STS refuses: its account must have an OIDC provider .*`},
		"token file":        {options: "region=us-east-1", cluster: true},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := startVisitors(t, startNull(t, "3x500"))
			p := newProgram(t, "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL_STS="+aws.endpoint, "AWS_EC2_METADATA_DISABLED=true")
			if test.cluster {
				p.env = append(p.env, "AWS_WEB_IDENTITY_TOKEN_FILE="+p.write("token", token), "AWS_ROLE_ARN=arn:aws:iam::"+owner+":role/cluster", "AWS_ROLE_SESSION_NAME=dth")
			} else {
				test.options += "&credentials=env:OWN"
				p.env = append(p.env, keys("OWN", home, machine.secret)...)
			}
			from, to := "s3://"+bucket+"?endpoint="+store.URL+"&"+test.options, nullAt(startNull(t, "0x0"), "anonymous")
			if test.stderr != "" {
				p.run("sync", from, to).expect(t, 3, test.stderr)
				return
			}
			got := p.must(0, "sync", from, to, "--json", "--log-level=trace", "--state=state")
			if report := got.report(t); report.Objects.Copied != 3 {
				t.Errorf("copied %d objects, want 3", report.Objects.Copied)
			}
			if len(store.seen) != 1 {
				t.Errorf("the store saw %d sets of keys, want one", len(store.seen))
			}
			places := map[string]string{"the output": got.stdout + got.stderr, "the state": readAll(t, filepath.Join(p.folder, "state"))}
			for seen := range store.seen {
				account := aws.ask(t, "sts", home, url.Values{"Action": {"GetAccessKeyInfo"}, "Version": {"2011-06-15"}, "AccessKeyId": {seen[0]}})
				if account != owner || seen[1] == "" {
					t.Errorf("the store was read with keys of account %s and the token %q, want a role of %s", account, seen[1], owner)
				}
				searchAll(t, places, []string{seen[1], machine.secret, token})
			}
		})
	}
}
