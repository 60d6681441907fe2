// Package sign checks that a request to the OSS emulator carries a V4 signature
// of the account, in the header or in the URL, as these pages describe it:
// https://help.aliyun.com/en/oss/developer-reference/recommend-to-use-signature-version-4
// https://help.aliyun.com/en/oss/developer-reference/add-signatures-to-urls
package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "OSS4-HMAC-SHA256"
	terminal  = "aliyun_v4_request"
	product   = "oss"
	unsigned  = "UNSIGNED-PAYLOAD"
	isoTime   = "20060102T150405Z"
	isoDate   = "20060102"

	skew      = 15 * time.Minute
	maxExpiry = 604800 // seconds
)

// Account is who may sign, and with what.
type Account struct {
	AccessKey string
	SecretKey string
	Token     string // of temporary credentials: every request must bring it; "" for a permanent key
	Region    string // of the scope, such as cn-hangzhou
}

// Error is a refusal.
type Error struct {
	Status  int
	Code    string
	Message string
	EC      string // the vendor's finer code, "" where the documentation names none
	Details [][2]string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(status int, code, ec, message string, details ...[2]string) *Error {
	return &Error{status, code, message, ec, details}
}

func malformed(ec, message string) *Error {
	return refuse(http.StatusBadRequest, "InvalidArgument", ec, message)
}

// given is a request's signature, from wherever it came.
type given struct {
	accessKey, date, region string
	at                      time.Time
	additional              []string
	signature               string
	token                   string
	inURL                   bool
	expires                 time.Duration // with inURL
}

// Check returns nil if r is signed by the account and the signature is valid at
// now, else an *Error. resource is what the request is for: "/bucket/key",
// "/bucket/" or "/", not escaped.
func (a Account) Check(r *http.Request, resource string, now time.Time) error {
	query := parseQuery(r.URL.RawQuery)
	g, err := find(r, query)
	if err != nil {
		return err
	}
	if g.accessKey != a.AccessKey {
		return refuse(http.StatusForbidden, "InvalidAccessKeyId", "0002-00000902",
			"The OSS Access Key Id you provided does not exist in our records.", [2]string{"OSSAccessKeyId", g.accessKey})
	}
	if g.region != a.Region {
		return malformed("0002-00000226", "Invalid signing region in Authorization header.")
	}
	if err := g.valid(now); err != nil {
		return err
	}
	if err := a.checkToken(g.token); err != nil {
		return err
	}
	text, err := canonical(r, resource, query, g)
	if err != nil {
		return err
	}
	toSign := g.textToSign(text)
	if !hmac.Equal([]byte(a.signature(g, toSign)), []byte(g.signature)) {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "0002-00000201",
			"The request signature we calculated does not match the signature you provided. Check your key and signing method.",
			[2]string{"OSSAccessKeyId", g.accessKey}, [2]string{"SignatureProvided", g.signature},
			[2]string{"StringToSign", toSign}, [2]string{"CanonicalRequest", text})
	}
	return nil
}

func (a Account) checkToken(token string) error {
	switch token {
	case a.Token:
		return nil
	case "": // a temporary key is unknown without its token
		return refuse(http.StatusForbidden, "InvalidAccessKeyId", "0002-00000902", "The OSS Access Key Id you provided does not exist in our records.")
	default:
		return refuse(http.StatusForbidden, "InvalidSecurityToken", "", "The security token you provided is invalid.")
	}
}

// valid tells whether now lies within the signature's life.
func (g given) valid(now time.Time) error {
	switch early := g.at.Sub(now); {
	case early > skew, !g.inURL && early < -skew:
		return refuse(http.StatusForbidden, "RequestTimeTooSkewed", "0002-00000504",
			"The difference between the request time and the current time is too large.",
			[2]string{"RequestTime", iso8601(g.at)}, [2]string{"ServerTime", iso8601(now)})
	case g.inURL && now.After(g.at.Add(g.expires)):
		return refuse(http.StatusForbidden, "AccessDenied", "0002-00000069", "Request has expired.",
			[2]string{"Expires", iso8601(g.at.Add(g.expires))}, [2]string{"ServerTime", iso8601(now)})
	}
	return nil
}

func iso8601(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (g given) textToSign(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return strings.Join([]string{algorithm, g.at.Format(isoTime), g.scope(), hex.EncodeToString(sum[:])}, "\n")
}

func (g given) scope() string {
	return strings.Join([]string{g.date, g.region, product, terminal}, "/")
}

// signature derives the scope's key from the secret and signs the text with it.
func (a Account) signature(g given, text string) string {
	key := []byte("aliyun_v4" + a.SecretKey)
	for _, step := range []string{g.date, g.region, product, terminal} {
		key = mac(key, step)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// find reads the request's signature.
func find(r *http.Request, query []pair) (given, error) {
	header := r.Header.Get("Authorization")
	inURL := has(query, "x-oss-signature-version") || has(query, "x-oss-signature")
	v1 := has(query, "OSSAccessKeyId") || strings.HasPrefix(header, "OSS ")
	switch {
	case v1:
		return given{}, refuse(http.StatusForbidden, "AccessDenied", "0002-00000080", "The signature version is no longer supported: use V4.")
	case header != "" && inURL:
		return given{}, malformed("", "A signature must be in the Authorization header or in the URL, not in both.")
	case inURL:
		return fromURL(query)
	case header != "":
		return fromHeader(header, r.Header)
	}
	return given{}, refuse(http.StatusForbidden, "AccessDenied", "0003-00000001", "You have no right to access this object because of bucket acl.")
}

func fromHeader(header string, h http.Header) (given, error) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return given{}, malformed("", "The signature version of the Authorization header is unknown: use "+algorithm+".")
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if _, twice := fields[name]; !ok || twice {
			return given{}, malformed("", "The Authorization header is malformed.")
		}
		fields[name] = value
	}
	if h.Get("x-oss-content-sha256") != unsigned {
		return given{}, malformed("", "The header x-oss-content-sha256 must be "+unsigned+".")
	}
	additional, listed := fields["AdditionalHeaders"]
	g := given{signature: fields["Signature"], token: h.Get("x-oss-security-token")}
	return g, g.complete(fields["Credential"], h.Get("x-oss-date"), additional, listed)
}

func fromURL(query []pair) (given, error) {
	fields := map[string]string{}
	for _, p := range query {
		if _, twice := fields[p.name]; twice && strings.HasPrefix(p.name, "x-oss-") {
			return given{}, malformed("", "The parameter "+p.name+" is given twice.")
		}
		fields[p.name] = p.value
	}
	if fields["x-oss-signature-version"] != algorithm {
		return given{}, malformed("", "The parameter x-oss-signature-version must be "+algorithm+".")
	}
	seconds, err := strconv.Atoi(fields["x-oss-expires"])
	if err != nil || seconds < 1 || seconds > maxExpiry {
		return given{}, malformed("0002-00000216", "The parameter x-oss-expires must be a number of seconds from 1 to 604800.")
	}
	additional, listed := fields["x-oss-additional-headers"]
	g := given{inURL: true, expires: time.Duration(seconds) * time.Second, signature: fields["x-oss-signature"], token: fields["x-oss-security-token"]}
	return g, g.complete(fields["x-oss-credential"], fields["x-oss-date"], additional, listed)
}

// complete takes apart what both forms have in common.
func (g *given) complete(credential, date, additional string, listed bool) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[3] != product || parts[4] != terminal || parts[0] == "" {
		return malformed("", "The credential must be AccessKeyId/SignDate/Region/oss/aliyun_v4_request.")
	}
	g.accessKey, g.date, g.region = parts[0], parts[1], parts[2]
	if _, err := time.Parse(isoDate, g.date); err != nil {
		return malformed("0002-00000223", "The date of the credential must be YYYYMMDD.")
	}
	at, err := time.Parse(isoTime, date)
	if err != nil {
		return refuse(http.StatusForbidden, "AccessDenied", "", "OSS authentication requires a valid x-oss-date.")
	}
	if g.at = at; at.Format(isoDate) != g.date {
		return malformed("0002-00000223", "The date of the credential is not that of x-oss-date.")
	}
	if len(g.signature) != hex.EncodedLen(sha256.Size) {
		return malformed("", "The signature must have 64 hexadecimal digits.")
	}
	if !listed {
		return nil
	}
	g.additional = strings.Split(additional, ";")
	switch {
	case slices.Contains(g.additional, ""):
		return malformed("0002-00000210", "The additional headers must not be empty.")
	case strings.ToLower(additional) != additional, !slices.IsSorted(g.additional):
		return malformed("0002-00000209", "The additional headers must be in lower case and sorted.")
	}
	return nil
}
