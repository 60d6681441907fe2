package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// store makes the object of a body that came whole, and answers.
func (s *server) keep(w http.ResponseWriter, store *bucket.Store, c *creation, blob *bucket.Blob) error {
	o, err := c.object(s.desk.Now())
	if err != nil {
		return err
	}
	o.Blob = blob
	if err := store.Put(o, c.allow); err != nil && !errors.Is(err, errSame) {
		return err
	}
	return c.answer(w)
}

// front reads the first bytes of a body, to tell its MIME type.
func front(store *bucket.Store, blob *bucket.Blob) ([]byte, error) {
	body, err := store.Open(blob)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	head, err := io.ReadAll(io.LimitReader(body, 512))
	return head, err
}

// answer tells the client of its object, in the form that its policy asks for.
func (c *creation) answer(w http.ResponseWriter) error {
	if c.policy.ReturnBody == "" {
		answer(w, http.StatusOK, map[string]any{"hash": c.hash, "key": c.key})
		return nil
	}
	text := c.expand(c.policy.ReturnBody, jsonText)
	if !json.Valid([]byte(text)) {
		return errArgument
	}
	answer(w, http.StatusOK, json.RawMessage(text))
	return nil
}

var variable = regexp.MustCompile(`\$\(([A-Za-z0-9_:.-]+)\)`)

// expand replaces the variables of a template by what write makes of their values.
//
// Source: https://developer.qiniu.com/kodo/1235/vars.
func (c *creation) expand(template string, write func(any) string) string {
	return variable.ReplaceAllStringFunc(template, func(match string) string {
		switch name := match[2 : len(match)-1]; name {
		case "bucket":
			return write(c.policy.Bucket())
		case "key":
			return write(c.key)
		case "etag":
			return write(c.hash)
		case "fname":
			return write(c.fileName)
		case "ext":
			return write(path.Ext(c.fileName))
		case "fsize":
			return write(c.size)
		case "mimeType":
			return write(c.contentType())
		case "endUser":
			return write(c.policy.EndUser)
		default:
			if value, ok := c.vars[name]; ok {
				return write(value)
			}
			return write(nil)
		}
	})
}

func jsonText(value any) string {
	text, _ := json.Marshal(value) // strings, numbers and nil always have a text
	return string(text)
}

// set takes a field of an upload by its name: metadata, a system header or a
// variable. It says whether it knows the name.
func (c *creation) set(name, value string) bool {
	if c.header == nil {
		c.header, c.vars = http.Header{}, map[string]string{}
	}
	switch {
	case systemHeaders[name] != "":
		if value != "" {
			c.header.Set(systemHeaders[name], value)
		}
	case strings.HasPrefix(strings.ToLower(name), metaPrefix):
		c.header[metaPrefix+name[len(metaPrefix):]] = []string{value}
	case strings.HasPrefix(name, "x:"):
		c.vars[name] = value
	default:
		return false
	}
	return true
}
