// Package credential checks what clients prove their rights to Kodo by: signed
// management requests, upload tokens and signed download addresses.
package credential

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// What can be wrong with a proof.
var (
	ErrNone    = errors.New("token not specified")
	ErrNoGrant = errors.New("download token not specified")
	ErrBad     = errors.New("bad token")
	ErrExpired = errors.New("token out of date")
	ErrSkewed  = errors.New("request time too skewed")
)

// MaxSkew is how far a request's time may be from the server's.
const MaxSkew = 15 * time.Minute

// Pair is an account's access key and its secret.
type Pair struct{ AccessKey, SecretKey string }

// check verifies "ACCESS-KEY:SIGNATURE" over what was to be signed.
func (p Pair) check(proof, signed string) error {
	accessKey, signature, ok := strings.Cut(proof, ":")
	if !ok || accessKey != p.AccessKey {
		return ErrBad
	}
	given, err := base64.URLEncoding.DecodeString(signature)
	if err != nil {
		return ErrBad
	}
	mac := hmac.New(sha1.New, []byte(p.SecretKey))
	mac.Write([]byte(signed))
	if !hmac.Equal(mac.Sum(nil), given) {
		return ErrBad
	}
	return nil
}
