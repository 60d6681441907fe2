package s3driver

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// tokenService is an STS that gives away whatever is asked of it.
type tokenService struct {
	mu     sync.Mutex
	asked  []map[string]string // actions with their parameters; "by" is the access key
	refuse map[string]string   // access key, or action, to error code
}

var roleEnd = time.Date(2100, 1, 2, 3, 4, 5, 0, time.UTC)

func (s *tokenService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.ParseForm()
	request := map[string]string{}
	for name := range r.PostForm {
		if name != "Version" {
			request[name] = r.PostForm.Get(name)
		}
	}
	if _, credential, signed := strings.Cut(r.Header.Get("Authorization"), "Credential="); signed {
		scope := strings.Split(credential, "/")
		request["by"], request["region"] = scope[0], scope[2]
	}
	s.asked = append(s.asked, request)
	action := request["Action"]
	for _, name := range []string{request["by"], action} {
		if code := s.refuse[name]; code != "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>canary</Message></Error></ErrorResponse>`, code)
			return
		}
	}
	body := fmt.Sprintf(`<Credentials><AccessKeyId>%s-%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>`,
		action, len(s.asked), roleEnd.Format(time.RFC3339))
	if action == "GetWebIdentityToken" {
		body = "<WebIdentityToken>canary.jwt</WebIdentityToken>"
	}
	_, _ = fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, action, body)
}

func startSTS(t *testing.T) *tokenService {
	t.Helper()
	service := &tokenService{refuse: map[string]string{}}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	for _, name := range []string{"AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("OWN_ACCESS_KEY_ID", "own")
	t.Setenv("OWN_SECRET_ACCESS_KEY", "canary")
	return service
}

func openRole(t *testing.T, reference string, role Role) (*control.Keyring, error) {
	t.Helper()
	own, err := control.OpenKeyring(t.Context(), reference, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return role.take(t.Context(), own)
}

const (
	here  = "arn:aws:iam::111122223333:role/here"
	there = "arn:aws-cn:iam::444455556666:role/team/there"
)

func TestRoles(t *testing.T) {
	assume := map[string]string{
		"Action": "AssumeRole", "RoleArn": here, "RoleSessionName": "dth", "DurationSeconds": "3600", "by": "own", "region": "eu-west-1",
	}
	external := map[string]string{
		"Action": "AssumeRole", "RoleArn": here, "RoleSessionName": "dth", "DurationSeconds": "3600", "ExternalId": "partner/1", "by": "own", "region": "eu-west-1",
	}
	token := map[string]string{
		"Action": "GetWebIdentityToken", "Audience.member.1": "dth", "SigningAlgorithm": "RS256", "DurationSeconds": "300", "by": "own", "region": "us-east-1",
	}
	federated := map[string]string{
		"Action": "AssumeRoleWithWebIdentity", "RoleArn": there, "RoleSessionName": "dth", "DurationSeconds": "3600", "WebIdentityToken": "canary.jwt",
	}
	second := map[string]string{
		"Action": "AssumeRole", "RoleArn": there, "RoleSessionName": "dth", "DurationSeconds": "3600", "by": "AssumeRoleWithWebIdentity-2", "region": "cn-north-1",
	}
	cases := map[string]struct {
		role  Role
		want  string // access key
		asked []map[string]string
	}{
		"none":                 {Role{Region: "eu-west-1"}, "own", nil},
		"a role":               {Role{ARN: here, Region: "eu-west-1"}, "AssumeRole-1", []map[string]string{assume}},
		"with an external id":  {Role{ARN: here, ExternalID: "partner/1", Region: "eu-west-1"}, "AssumeRole-1", []map[string]string{external}},
		"in another partition": {Role{Federated: there, Audience: "dth", Issuer: "us-east-1", Region: "cn-north-1"}, "AssumeRoleWithWebIdentity-2", []map[string]string{token, federated}},
		"and from there on":    {Role{Federated: there, ARN: there, Audience: "dth", Issuer: "us-east-1", Region: "cn-north-1"}, "AssumeRole-3", []map[string]string{token, federated, second}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			service := startSTS(t)
			ring, err := openRole(t, "env:OWN", test.role)
			if err != nil {
				t.Fatal(err)
			}
			held := ring.Held()
			if held.AccessKeyID != test.want || test.asked != nil && (held.SessionToken != "t" || !held.Expires.Equal(roleEnd)) {
				t.Errorf("the keys are %s until %v, want %s", held.AccessKeyID, held.Expires, test.want)
			}
			if diff := cmp.Diff(test.asked, service.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRolesAreTakenOnAgain: their keys are never served twice from a cache, so that the
// keyring has new ones before the old ones end.
func TestRolesAreTakenOnAgain(t *testing.T) {
	for name, open := range map[string]func(*control.Keyring) control.Source{
		"assumed": Role{ARN: here, Region: "eu-west-1"}.assume, "federated": Role{Federated: there, Issuer: "us-east-1", Region: "cn-north-1"}.federate,
	} {
		t.Run(name, func(t *testing.T) {
			startSTS(t)
			own, err := control.OpenKeyring(t.Context(), "env:OWN", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			source := open(own)
			first, err := source(t.Context(), control.ReasonOpen)
			if err != nil {
				t.Fatal(err)
			}
			if second, err := source(t.Context(), control.ReasonRenew); err != nil || second == first {
				t.Errorf("the second keys are %s, the first were %s (%v)", second.AccessKeyID, first.AccessKeyID, err)
			}
		})
	}
}

// TestRoleFollowsRotatedKeys: a role is taken on with the keys that a secret holds now.
func TestRoleFollowsRotatedKeys(t *testing.T) {
	service := startSTS(t)
	service.refuse["old"] = "InvalidClientTokenId"
	answers := []string{"old", "new"}
	vault := func(context.Context, string) (control.Source, error) {
		return func(context.Context, control.Reason) (credentials.Keys, error) {
			held := credentials.Keys{AccessKeyID: answers[0], SecretAccessKey: "s"}
			answers = answers[1:]
			return held, nil
		}, nil
	}
	own, err := control.OpenKeyring(t.Context(), "secret:rotated", nil, vault)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := Role{ARN: here, Region: "eu-west-1"}.take(t.Context(), own)
	if err != nil || ring.Held().AccessKeyID != "AssumeRole-2" {
		t.Errorf("taking the role on: %v, want keys by the second request", err)
	}
}

func TestRoleFailures(t *testing.T) {
	federated := Role{Federated: there, Audience: "dth", Issuer: "us-east-1", Region: "cn-north-1"}
	cases := map[string]struct {
		reference string
		role      Role
		refuse    map[string]string
		endpoint  string
		kind      driver.Kind
		want      string
	}{
		"refused":        {"env:OWN", Role{ARN: here, ExternalID: "canary"}, map[string]string{"AssumeRole": "AccessDenied"}, "", driver.KindDenied, here + ": AWS STS refuses: its trust policy must name"},
		"no federation":  {"env:OWN", federated, map[string]string{"GetWebIdentityToken": "OutboundWebIdentityFederationDisabled"}, "", driver.KindDenied, "outbound identity federation must be on"},
		"no provider":    {"env:OWN", federated, map[string]string{"AssumeRoleWithWebIdentity": "InvalidIdentityToken"}, "", driver.KindDenied, there + ": AWS STS refuses: its account must have an OIDC provider"},
		"throttled":      {"env:OWN", Role{ARN: here}, map[string]string{"AssumeRole": "Throttling"}, "", driver.KindUnavailable, "in trouble"},
		"unreachable":    {"env:OWN", Role{ARN: here}, nil, "http://127.0.0.1:1", driver.KindUnavailable, "cannot be reached"},
		"anonymous":      {"anonymous", Role{ARN: here}, nil, "", driver.KindInvalidArgument, "anonymous access can take on no role"},
		"anonymous also": {"anonymous", federated, nil, "", driver.KindInvalidArgument, "anonymous access can take on no role"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			service := startSTS(t)
			if service.refuse = test.refuse; test.endpoint != "" {
				t.Setenv("AWS_ENDPOINT_URL_STS", test.endpoint)
			}
			test.role.Region = "eu-west-1"
			_, err := openRole(t, test.reference, test.role)
			if driver.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("taking the role on = %v (%v), want %v and %q", err, driver.KindOf(err), test.kind, test.want)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), url.QueryEscape(here)) {
				t.Errorf("the error repeats what was sent or answered: %v", err)
			}
		})
	}
}
