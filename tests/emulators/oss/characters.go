package main

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// XML 1.0 knows no references to most control characters, though clients write
// them for keys that hold some, and the vendor reads them. hideControls replaces
// them by characters for private use, which showControls turns back.
const private = 0xF700

var control = regexp.MustCompile(`&#(x[0-9A-Fa-f]{1,4}|[0-9]{1,4});`)

func hideControls(document []byte) []byte {
	if !bytes.Contains(document, []byte("&#")) {
		return document
	}
	return control.ReplaceAllFunc(document, func(reference []byte) []byte {
		digits, base := string(reference[2:len(reference)-1]), 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseInt(digits, base, 32)
		if err != nil || n >= ' ' || n == '\t' || n == '\n' || n == '\r' {
			return reference
		}
		return []byte(string(rune(private + n)))
	})
}

func showControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= private && r < private+' ' {
			return r - private
		}
		return r
	}, s)
}
