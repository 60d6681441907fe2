package credential

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Download verifies a download address as it was asked for: scheme, host, path
// and query, with nothing decoded. It returns [ErrNoGrant], [ErrBad] or
// [ErrExpired].
//
// The signature covers every byte before the parameter token, which ends the
// query as far as the server is concerned. What looks like a token in the path is
// a part of the key.
//
// Source: https://developer.qiniu.com/kodo/manual/1202.
func (p Pair) Download(address string, now time.Time) error {
	signed, proof, ok := SplitToken(address)
	if !ok {
		return ErrNoGrant
	}
	proof, err := url.PathUnescape(proof)
	if err != nil {
		return ErrBad
	}
	if err := p.check(proof, signed); err != nil {
		return err
	}
	_, query, _ := strings.Cut(signed, "?")
	for parameter := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(parameter, "e="); ok {
			deadline, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return ErrBad
			}
			if now.Unix() > deadline {
				return ErrExpired
			}
			return nil
		}
	}
	return ErrBad
}

// SplitToken splits an address into what comes before its token and the token.
func SplitToken(address string) (before, token string, ok bool) {
	start := strings.IndexByte(address, '?')
	if start < 0 {
		return address, "", false
	}
	at := strings.Index(address[start:], "&token=")
	if at < 0 {
		return address, "", false
	}
	at += start
	token, _, _ = strings.Cut(address[at+len("&token="):], "&")
	return address[:at], token, true
}
