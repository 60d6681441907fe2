package main

import (
	"net/http"
	"strings"
	"testing"
)

// block sends a request of the first version of resumable uploads.
func (e *emulator) block(bucket, path, body string) (int, string) {
	e.t.Helper()
	s := step{
		Method: http.MethodPost, URL: "http://" + e.address + path, Sign: "uptoken", Body: body,
		Policy: map[string]any{"scope": bucket, "deadline": 9999999999},
	}
	answer, reply := e.send(s.request(e.t, nil))
	return answer.StatusCode, reply
}

// context makes a block and returns its context.
func (e *emulator) context(path, body string) string {
	e.t.Helper()
	status, reply := e.block(bucketA, path, body)
	_, after, ok := strings.Cut(reply, `"ctx":"`)
	if status != http.StatusOK || !ok {
		e.t.Fatalf("%s: %d %s", path, status, reply)
	}
	context, _, _ := strings.Cut(after, `"`)
	return context
}

func TestBlockRules(t *testing.T) {
	t.Parallel()
	e := start(t, "-bucket", bucketA+","+bucketB)
	whole, half := e.context("/mkblk/5", "hello"), e.context("/mkblk/10", "hello")
	for _, test := range []struct {
		name, bucket, path, body string
		want                     int
	}{
		{"too large", bucketA, "/mkblk/4194305", "x", 400},
		{"of nothing", bucketA, "/mkblk/0", "", 400},
		{"more than declared", bucketA, "/mkblk/5", "too long", 400},
		{"no number", bucketA, "/mkblk/x", "x", 400},
		{"not filled", bucketA, "/mkfile/5/key/aw==", half, 400},
		{"short inside", bucketA, "/mkfile/10/key/aw==", whole + "," + whole, 400},
		{"of another size", bucketA, "/mkfile/6/key/aw==", whole, 400},
		{"of another bucket", bucketB, "/mkfile/5/key/aw==", whole, 701},
		{"no context", bucketA, "/mkfile/5/key/aw==", "", 701},
		{"none, of nothing", bucketA, "/mkfile/0/key/aw==", "", 200},
		{"over another object", bucketA, "/mkfile/5/key/aw==", whole, 200}, // as https://developer.qiniu.com/kodo/1206/put-policy says of this version
	} {
		if status, reply := e.block(test.bucket, test.path, test.body); status != test.want {
			t.Errorf("%s: %d, want %d: %s", test.name, status, test.want, reply)
		}
	}
	again := e.context("/bput/"+half+"/5", "again")
	if status, reply := e.block(bucketA, "/mkfile/10/key/Yg==", again); status != http.StatusOK {
		t.Errorf("two pieces: %d %s", status, reply)
	}
}

func TestBlocksEnd(t *testing.T) {
	t.Parallel()
	e := start(t)
	context := e.context("/mkblk/5", "hello")
	e.clock(25 * 3600)
	if status, reply := e.block(bucketA, "/mkfile/5/key/aw==", context); status != 701 {
		t.Errorf("a context of yesterday: %d %s", status, reply)
	}
}
