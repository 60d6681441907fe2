package main

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// change is an operation on an object, as its path says it: also those of a batch.
// It returns what is to be answered, nil for nothing.
type change func(s *server, segments []string, needParts bool) (map[string]any, error)

// changes are the operations by the first segment of their path, with the
// method that they go by.
func changes() map[string]change {
	return map[string]change{
		"stat":            (*server).stat,
		"delete":          (*server).delete,
		"copy":            (*server).copy,
		"move":            (*server).move,
		"chgm":            (*server).changeMeta,
		"chtype":          (*server).changeType,
		"chstatus":        (*server).changeStatus,
		"deleteAfterDays": (*server).deleteAfterDays,
		"lifecycle":       (*server).lifecycle,
		"restoreAr":       (*server).restore,
	}
}

func (s *server) routeRS(segments []string) operation {
	name := segments[0]
	if name == "batch" {
		return operation{"batch", "", s.batch}
	}
	do, ok := changes()[name]
	if !ok || len(segments) < 2 {
		return refused("unknown", errNoOperation)
	}
	_, key, _ := entry(segments[1])
	return operation{name, key, func(w http.ResponseWriter, r *http.Request) error {
		if _, err := s.authorized(w, r); err != nil {
			return err
		}
		if r.Method != http.MethodPost && (name != "stat" || r.Method != http.MethodGet) {
			return errMethod
		}
		result, err := do(s, segments[1:], r.URL.Query().Get("needparts") == "true")
		switch {
		case err != nil:
			return err
		case result == nil:
			answer(w, http.StatusOK, nil)
		default:
			answer(w, http.StatusOK, result)
		}
		return nil
	}}
}

// batch carries out up to 1000 operations. Source: https://developer.qiniu.com/kodo/1250/batch.
func (s *server) batch(w http.ResponseWriter, r *http.Request) error {
	const most = 1000
	body, err := s.authorized(w, r)
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return errMethod
	}
	operations, err := formValues(string(body), "op")
	if err != nil || len(operations) == 0 || len(operations) > most {
		return errArgument
	}
	status := http.StatusOK
	results := make([]map[string]any, len(operations))
	for i, operation := range operations {
		result, err := s.one(operation)
		switch {
		case err != nil:
			refused := asRefusal(err)
			status = 298
			results[i] = map[string]any{"code": refused.status, "data": map[string]any{"error": refused.message}}
		case result == nil:
			results[i] = map[string]any{"code": http.StatusOK}
		default:
			results[i] = map[string]any{"code": http.StatusOK, "data": result}
		}
	}
	answer(w, status, results)
	return nil
}

// one carries out one operation of a batch.
func (s *server) one(operation string) (map[string]any, error) {
	path, query, _ := strings.Cut(operation, "?")
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	do, ok := changes()[segments[0]]
	if !ok || len(segments) < 2 {
		return nil, errArgument
	}
	return do(s, segments[1:], strings.Contains(query, "needparts=true"))
}

// object finds the bucket and the key of an encoded entry.
func (s *server) object(encoded string) (*bucket.Store, string, error) {
	name, key, err := entry(encoded)
	if err != nil {
		return nil, "", err
	}
	store, err := s.store(name)
	return store, key, err
}

// stat tells of an object. Source: https://developer.qiniu.com/kodo/1308/stat.
func (s *server) stat(segments []string, needParts bool) (map[string]any, error) {
	if len(segments) != 1 {
		return nil, errArgument
	}
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	o, ok := store.Get(key)
	if !ok {
		return nil, errNoEntry
	}
	told := s.describe(o, needParts)
	if status := restoreStatus(o, s.desk.Now()); status != 0 {
		told["restoreStatus"] = status
	}
	for _, name := range lifecycleNotes() {
		if text := note(o, name); text != "" {
			told[name], _ = strconv.ParseInt(text, 10, 64)
		}
	}
	return told, nil
}

// describe tells what stat and listings have in common.
func (s *server) describe(o *bucket.Object, needParts bool) map[string]any {
	class, _ := strconv.Atoi(o.Class)
	told := map[string]any{
		"fsize": o.Blob.Size, "hash": o.ETag, "mimeType": o.Header.Get("Content-Type"), "type": class,
		"putTime": ticks(o.Modified), "lastModify": ticks(o.Modified),
	}
	if text := note(o, lastModifyNote); text != "" {
		told["lastModify"], _ = strconv.ParseInt(text, 10, 64)
	}
	if o.Blob.MD5 != nil && o.Parts == nil {
		told["md5"] = hex.EncodeToString(o.Blob.MD5)
	}
	if user := note(o, endUserNote); user != "" {
		told["endUser"] = user
	}
	if note(o, statusNote) == "1" {
		told["status"] = 1
	}
	meta := map[string]string{}
	for name, values := range o.Header {
		if short, ok := strings.CutPrefix(name, metaPrefix); ok {
			meta[short] = values[0]
		}
	}
	if len(meta) > 0 {
		told["x-qn-meta"] = meta
	}
	if needParts && o.Parts != nil {
		told["parts"] = o.Parts
	}
	return told
}

// note returns what is kept of an object under a name that is no header's.
func note(o *bucket.Object, name string) string {
	if values := o.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// ticks returns a time in units of 100 ns since 1970.
func ticks(t time.Time) int64 { return t.UnixNano() / 100 }

// delete removes an object. Source: https://developer.qiniu.com/kodo/1257/delete.
func (s *server) delete(segments []string, _ bool) (map[string]any, error) {
	if len(segments) != 1 {
		return nil, errArgument
	}
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	switch deleted, err := store.Delete(key); {
	case err != nil:
		return nil, err
	case !deleted:
		return nil, errNoEntry
	}
	return nil, nil
}

// copy copies an object: SOURCE/DESTINATION[/force/true].
//
// Source: https://developer.qiniu.com/kodo/1254/copy.
func (s *server) copy(segments []string, _ bool) (map[string]any, error) {
	if len(segments) < 2 {
		return nil, errArgument
	}
	from, fromKey, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	to, toKey, err := s.object(segments[1])
	if err != nil {
		return nil, err
	}
	o, body, ok := from.Read(fromKey)
	if !ok {
		return nil, errNoEntry
	}
	defer body.Close()
	made := *o
	made.Key, made.Modified, made.Restore = toKey, s.desk.Now(), nil
	made.Header = o.Header.Clone()
	delete(made.Header, lastModifyNote)
	if from != to {
		if made.Blob, err = to.Receive(body); err != nil {
			return nil, err
		}
		defer to.Discard(made.Blob)
	}
	force := pairsOf(segments[2:])["force"] == "true"
	return nil, to.Put(made, func(old *bucket.Object) error {
		if old != nil && !force {
			return errExists
		}
		return nil
	})
}

// move copies and deletes the source. Source: https://developer.qiniu.com/kodo/1288/move.
func (s *server) move(segments []string, _ bool) (map[string]any, error) {
	if _, err := s.copy(segments, false); err != nil {
		return nil, err
	}
	if segments[0] == segments[1] {
		return nil, nil
	}
	return s.delete(segments[:1], false)
}

// changeMeta changes the MIME type, metadata and system headers:
// ENTRY[/mime/M][/x-qn-meta-NAME/V]…[/cond/C].
//
// Source: https://developer.qiniu.com/kodo/api/chgm.
func (s *server) changeMeta(segments []string, _ bool) (map[string]any, error) {
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	said := &creation{}
	condition := ""
	for name, encoded := range pairsOf(segments[1:]) {
		value, err := decode(encoded)
		switch {
		case err != nil:
			return nil, errArgument
		case name == "mime":
			said.mimeType = value
		case name == "cond":
			condition = value
		case !said.set(name, value):
			return nil, errArgument
		}
	}
	return nil, s.update(store, key, func(o *bucket.Object, now time.Time) error {
		if frozen(o, now) {
			return errArchived
		}
		if !holds(o, condition) {
			return errCondition
		}
		if said.mimeType != "" {
			o.Header.Set("Content-Type", said.mimeType)
		}
		for name, values := range said.header {
			o.Header[name] = values
		}
		return checkMeta(o.Header)
	})
}

// holds says whether an object is as a condition says: hash=H&mime=M&fsize=N&putTime=T.
func holds(o *bucket.Object, condition string) bool {
	is := map[string]string{
		"hash": o.ETag, "mime": o.Header.Get("Content-Type"),
		"fsize": strconv.FormatInt(o.Blob.Size, 10), "putTime": strconv.FormatInt(ticks(o.Modified), 10),
	}
	for pair := range strings.SplitSeq(condition, "&") {
		if name, want, ok := strings.Cut(pair, "="); ok && is[name] != want {
			return false
		}
	}
	return true
}

// update changes an object and notes when.
func (s *server) update(store *bucket.Store, key string, change func(o *bucket.Object, now time.Time) error) error {
	now := s.desk.Now()
	return store.Update(key, func(o *bucket.Object) error {
		if err := change(o, now); err != nil {
			return err
		}
		o.Header[lastModifyNote] = []string{strconv.FormatInt(ticks(now), 10)}
		return nil
	})
}

// changeStatus disables or enables an object: ENTRY/status/(0|1).
//
// Source: https://github.com/qiniu/api-specs, storage/modify_object_status.yml.
func (s *server) changeStatus(segments []string, _ bool) (map[string]any, error) {
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	status := pairsOf(segments[1:])["status"]
	if !slices.Contains([]string{"0", "1"}, status) {
		return nil, errArgument
	}
	return nil, s.update(store, key, func(o *bucket.Object, _ time.Time) error {
		o.Header[statusNote] = []string{status}
		return nil
	})
}
