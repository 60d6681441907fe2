package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// callback says whom to tell of a write, and what:
// https://help.aliyun.com/en/oss/developer-reference/callback.
type callback struct {
	URL  string `json:"callbackUrl"`
	Host string `json:"callbackHost"`
	Body string `json:"callbackBody"`
	Type string `json:"callbackBodyType"`
	SNI  bool   `json:"callbackSNI"`

	vars map[string]string
}

const (
	callbackTimeout = 5 * time.Second
	maxCallback     = 5 << 10 // bytes of a parameter
	formType        = "application/x-www-form-urlencoded"
)

// callback reads the request's callback, nil if it has none.
func (c *call) callback() (*callback, error) {
	if c.injected("callback") {
		return &callback{}, nil
	}
	encoded, given, err := c.callbackParameter("callback")
	if err != nil || !given {
		return nil, err
	}
	cb := &callback{Type: formType, vars: map[string]string{}}
	if err := decodeParameter(encoded, cb); err != nil {
		return nil, err
	}
	vars, given, err := c.callbackParameter("callback-var")
	if err == nil && given {
		err = decodeParameter(vars, &cb.vars)
	}
	if err != nil {
		return nil, err
	}
	for name := range cb.vars {
		if !strings.HasPrefix(name, "x:") || strings.ToLower(name) != name {
			return nil, invalid("The key of a callback-var must begin with x: and be in lower case.")
		}
	}
	switch {
	case cb.URL == "" || cb.Body == "" || len(strings.Split(cb.URL, ";")) > 5:
		return nil, invalid("The callback needs a callbackUrl, of five URLs at most, and a callbackBody.")
	case cb.Type != formType && cb.Type != "application/json":
		return nil, invalid("The callbackBodyType is invalid.")
	}
	return cb, nil
}

// callbackParameter finds a parameter, in a header or else in the query.
func (c *call) callbackParameter(name string) (string, bool, error) {
	header, inQuery := c.r.Header.Get("x-oss-"+name), c.query.Has(name)
	switch {
	case header != "" && inQuery:
		return "", false, invalid("The " + name + " must be in a header or in the URL, not in both.")
	case inQuery:
		header = c.query.Get(name)
	}
	if len(header) > maxCallback {
		return "", false, invalid("The " + name + " is longer than 5 KB.")
	}
	return header, header != "", nil
}

func decodeParameter(encoded string, into any) error {
	plain, err := base64.StdEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(plain, into)
	}
	if err != nil {
		return invalid("The callback configuration is not json format, or not in Base64.")
	}
	return nil
}

// callBack tells the receiver of the object that was stored and passes its answer
// on to the client. The object stays, whatever comes of it.
func (c *call) callBack(cb *callback, o *bucket.Object) error {
	h := c.w.Header()
	h.Del("Content-MD5") // which would be the answer's
	failed := errors.New("no answer: the fault \"callback\"")
	var answer []byte
	if cb.URL != "" {
		for address := range strings.SplitSeq(cb.URL, ";") {
			if answer, failed = cb.post(c.r.Context(), address, c.variables(cb, o)); failed == nil {
				break
			}
		}
	}
	if failed != nil {
		return &refusal{status: http.StatusNonAuthoritativeInfo, code: "CallbackFailed", ec: "0007-00000203", message: "Error status : 502. " + failed.Error()}
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", itoa(len(answer)))
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(answer) // a client that is gone needs no answer
	return nil
}

func (c *call) variables(cb *callback, o *bucket.Object) map[string]string {
	values := map[string]string{
		"bucket": c.bucket, "object": c.key, "etag": strings.Trim(o.ETag, `"`), "size": itoa(o.Blob.Size),
		"mimeType": o.Header.Get("Content-Type"), "reqId": c.id,
	}
	for name, value := range cb.vars {
		values[name] = value
	}
	return values
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// body fills in the variables: quoted in JSON, escaped in a form.
func (cb *callback) body(values map[string]string) string {
	return variable.ReplaceAllStringFunc(cb.Body, func(name string) string {
		value := values[name[2:len(name)-1]]
		if cb.Type == formType {
			return url.QueryEscape(value)
		}
		text, _ := json.Marshal(value) // a string always can be
		return string(text)
	})
}

// post sends the callback. Emulators talk to this machine alone.
func (cb *callback) post(ctx context.Context, address string, values map[string]string) ([]byte, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(target.Hostname()); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("the emulator calls back to loopback addresses only, not to %s", target.Host)
	}
	ctx, cancel := context.WithTimeout(ctx, callbackTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(cb.body(values)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", cb.Type)
	request.Header.Set("User-Agent", "aliyun-oss-callback")
	request.Host = cb.Host
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the application server answered %s", response.Status)
	case kind != "application/json" || !json.Valid(answer):
		return nil, errors.New("response body is not valid json format")
	}
	return answer, nil
}
