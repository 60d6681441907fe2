package memdriver

import "net/http"

// Request is one request to a server in the words of [Fault].
type Request struct {
	Call   string // "Get", "Put", "Part", or a driver method
	Bucket string
	Key    string // empty for calls that concern no key
}

// RequestOf takes a request to a server apart, for effects that depend on it. What is no
// request of the store is the zero value.
func RequestOf(r *http.Request) Request {
	c, err := parse(r)
	if err != nil {
		return Request{}
	}
	return Request{Call: c.name, Bucket: c.bucket, Key: c.key}
}
