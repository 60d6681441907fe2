package exchange

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// shortestSecret is the length from which a signed value is concealed. Signatures,
// tokens and key ids of all vendors are longer; what is shorter is dates and names.
const shortestSecret = 20

// conceal takes what was signed out of an error's message: some stores, and proxies on
// the way, repeat what they were sent.
func conceal(err error, signed driver.Exchange) error {
	if err == nil {
		return nil
	}
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return err
	}
	var secrets []string
	_, query, _ := strings.Cut(signed.URL, "?")
	for pair := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); err == nil && len(value) >= shortestSecret {
			secrets = append(secrets, value, plain)
		}
	}
	for _, header := range signed.Header {
		secrets = append(secrets, words(header.Value)...)
	}
	secrets = append(secrets, words(string(signed.Body.Prefix))...)
	// At one place the longest counts.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, secret := range secrets {
		pairs = append(pairs, secret, "…")
	}
	concealed := *failure
	concealed.Message = strings.NewReplacer(pairs...).Replace(failure.Message)
	return &concealed
}

// words returns the parts of a header or a form that are long enough to
// be secrets.
func words(text string) []string {
	all := strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`&=,;:?"`, r) })
	return slices.DeleteFunc(all, func(word string) bool { return len(word) < shortestSecret })
}
