package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// longestPage is the largest limit of a listing, and the default.
const longestPage = 1000

func (s *server) routeRSF(segments []string) operation {
	switch strings.Join(segments, "/") {
	case "list":
		return operation{"list", "", s.list}
	case "v2/list":
		return operation{"v2/list", "", s.listLines}
	}
	return refused("unknown", errNoOperation)
}

// listQuery reads what a listing asks for.
func (s *server) listQuery(w http.ResponseWriter, r *http.Request) (*bucket.Store, bucket.Query, url.Values, error) {
	if _, err := s.authorized(w, r); err != nil {
		return nil, bucket.Query{}, nil, err
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, bucket.Query{}, nil, errMethod
	}
	query := r.URL.Query()
	store, err := s.store(query.Get("bucket"))
	if err != nil {
		return nil, bucket.Query{}, nil, err
	}
	after, err := readMarker(query.Get("marker"))
	if err != nil {
		return nil, bucket.Query{}, nil, err
	}
	return store, bucket.Query{Prefix: query.Get("prefix"), Delimiter: query.Get("delimiter"), After: after}, query, nil
}

// list returns a page. A full page has a marker even when nothing comes after it:
// only an empty marker is the end.
//
// Source: https://developer.qiniu.com/kodo/api/list.
func (s *server) list(w http.ResponseWriter, r *http.Request) error {
	store, q, query, err := s.listQuery(w, r)
	if err != nil {
		return err
	}
	q.Limit = longestPage
	if text := query.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > longestPage {
			return errArgument
		}
	}
	page := store.List(q)
	result := map[string]any{"items": s.items(page.Objects, query.Get("needparts") == "true")}
	if q.Delimiter != "" {
		result["commonPrefixes"] = append([]string{}, page.Groups...)
	}
	if last := lastOf(page); len(page.Objects)+len(page.Groups) == q.Limit {
		result["marker"] = marker(last)
	}
	answer(w, http.StatusOK, result)
	return nil
}

func (s *server) items(objects []*bucket.Object, needParts bool) []map[string]any {
	items := make([]map[string]any, len(objects))
	for i, o := range objects {
		items[i] = s.describe(o, needParts)
		items[i]["key"] = o.Key
	}
	return items
}

// lastOf returns the key or the group at a page's end.
func lastOf(page bucket.Page) string {
	last := ""
	if n := len(page.Objects); n > 0 {
		last = page.Objects[n-1].Key
	}
	if n := len(page.Groups); n > 0 {
		last = max(last, page.Groups[n-1])
	}
	return last
}

// listLines lists all that is there, or up to a limit, as a stream of lines.
//
// Source: https://developer.qiniu.com/kodo/api/4539/v2-list.
func (s *server) listLines(w http.ResponseWriter, r *http.Request) error {
	store, q, query, err := s.listQuery(w, r)
	if err != nil {
		return err
	}
	left := -1 // all
	if text := query.Get("limit"); text != "" && text != "0" {
		if left, err = strconv.Atoi(text); err != nil || left < 1 {
			return errArgument
		}
	}
	w.Header().Set("Content-Type", "application/json")
	lines := json.NewEncoder(w)
	for left != 0 {
		q.Limit = longestPage
		if left > 0 {
			q.Limit = min(left, longestPage)
		}
		page := store.List(q)
		for _, item := range s.items(page.Objects, query.Get("needparts") == "true") {
			if err := lines.Encode(map[string]any{"item": item, "marker": marker(item["key"].(string)), "dir": ""}); err != nil {
				return nil //nolint:nilerr // the client is gone, and the answer has begun
			}
		}
		for _, group := range page.Groups {
			if err := lines.Encode(map[string]any{"item": nil, "marker": marker(group), "dir": group}); err != nil {
				return nil //nolint:nilerr // as above
			}
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
		if left > 0 {
			left -= len(page.Objects) + len(page.Groups)
		}
	}
	return nil
}

// place is what a marker says. Clients must not read it; samples of the vendor's
// documentation have this form.
type place struct {
	C   int    `json:"c"`
	Key string `json:"k"`
}

func marker(after string) string {
	text, _ := json.Marshal(place{Key: after}) // always has a text
	return base64.URLEncoding.EncodeToString(text)
}

func readMarker(text string) (after string, err error) {
	if text == "" {
		return "", nil
	}
	decoded, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		return "", errMarker
	}
	var at place
	if json.Unmarshal(decoded, &at) != nil || at.Key == "" {
		return "", errMarker
	}
	return at.Key, nil
}

// formValues returns the values of a form's field in order.
func formValues(body, name string) ([]string, error) {
	values, err := url.ParseQuery(body)
	return values[name], err
}
