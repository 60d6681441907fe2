package control

import (
	"strconv"
	"strings"
)

// JoinToken makes one page token of a store's two markers: the length of the key, a
// colon, the key, the id.
func JoinToken(key, id string) string { return strconv.Itoa(len(key)) + ":" + key + id }

// SplitToken undoes [JoinToken]. An empty token has empty markers; any other that
// JoinToken did not make is KindInvalidArgument.
func SplitToken(token string) (key, id string, err error) {
	if token == "" {
		return "", "", nil
	}
	length, rest, found := strings.Cut(token, ":")
	n, problem := strconv.Atoi(length)
	if !found || problem != nil || n < 0 || n > len(rest) {
		return "", "", Invalid("the page token is not one of this driver's")
	}
	return rest[:n], rest[n:], nil
}
