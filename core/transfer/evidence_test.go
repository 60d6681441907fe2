package transfer

import (
	"net/http"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

func TestAnswerIsOfThePlannedVersion(t *testing.T) {
	t.Parallel()
	planned, later := time.Unix(1000, 0), time.Unix(1001, 0)
	tests := map[string]struct {
		task    task.Task
		answer  exchange.Answer
		changed bool
	}{
		"same":                      {task.Task{ETag: "a", Modified: planned}, exchange.Answer{ETag: "a", Modified: later}, false},
		"other ETag":                {task.Task{ETag: "a"}, exchange.Answer{ETag: "b"}, true},
		"ETag gone":                 {task.Task{ETag: "a"}, exchange.Answer{}, true},
		"store without ETags":       {task.Task{}, exchange.Answer{ETag: "a"}, false},
		"weak, same time":           {task.Task{ETag: "W/a", Modified: planned}, exchange.Answer{ETag: "W/a", Modified: planned}, false},
		"weak, part of a second":    {task.Task{ETag: "W/a", Modified: planned.Add(time.Millisecond)}, exchange.Answer{ETag: "W/a", Modified: planned}, false},
		"weak, other time":          {task.Task{ETag: "W/a", Modified: planned}, exchange.Answer{ETag: "W/a", Modified: later}, true},
		"weak became strong":        {task.Task{ETag: "W/a", Modified: planned}, exchange.Answer{ETag: "a", Modified: planned}, true},
		"weak, time was not listed": {task.Task{ETag: "W/a"}, exchange.Answer{ETag: "W/a", Modified: later}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := checkVersion(test.task, &test.answer); IsChanged(err) != test.changed {
				t.Errorf("error %v, want changed %v", err, test.changed)
			}
		})
	}
}

func TestRangeIsThePlannedOne(t *testing.T) {
	t.Parallel()
	object := task.Task{ETag: "a", Size: 100}
	ranged := func(status int, contentRange string, size int64) *exchange.Answer {
		return &exchange.Answer{Status: status, ETag: "a", Size: size, Header: http.Header{"Content-Range": {contentRange}}}
	}
	tests := map[string]struct {
		answer         *exchange.Answer
		offset, length int64
		ok, changed    bool
	}{
		"as planned":              {ranged(206, "bytes 10-19/100", 10), 10, 10, true, false},
		"the whole in one part":   {ranged(206, "bytes 0-99/100", 100), 0, 100, true, false},
		"the whole without a 206": {ranged(200, "", 100), 0, 100, true, false},
		"range ignored":           {ranged(200, "", 100), 10, 10, false, false},
		"another range":           {ranged(206, "bytes 0-9/100", 10), 10, 10, false, true},
		"a longer object":         {ranged(206, "bytes 10-19/101", 10), 10, 10, false, true},
		"no range told":           {ranged(206, "", 10), 10, 10, false, true},
		"no length told":          {ranged(206, "bytes 10-19/*", 10), 10, 10, true, false},
		"another range of any":    {ranged(206, "bytes 10-18/*", 9), 10, 10, false, true},
		"no length, no ETag":      {ranged(206, "bytes 10-19/*", 10), 10, 10, false, true},
		"no length, a weak ETag":  {ranged(206, "bytes 10-19/*", 10), 10, 10, false, true},
	}
	etags := map[string]string{"no length, no ETag": "", "no length, a weak ETag": "W/a"}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := object
			if etag, other := etags[name]; other {
				object.ETag, test.answer.ETag = etag, etag
			}
			err := checkRange(object, test.answer, test.offset, test.length)
			if (err == nil) != test.ok || IsChanged(err) != test.changed {
				t.Errorf("error %v, want ok %v, changed %v", err, test.ok, test.changed)
			}
		})
	}
}

func TestGradeOfEvidence(t *testing.T) {
	t.Parallel()
	sum := func(value string) []driver.Checksum {
		return []driver.Checksum{{Algorithm: driver.AlgorithmCRC64NVME, Value: value}}
	}
	tests := map[string]struct {
		etag                string
		source, destination []driver.Checksum
		want                journal.Grade
		damaged             bool
	}{
		"both":                 {"a", sum("x"), sum("x"), journal.GradeBoth, false},
		"destination only":     {"a", nil, sum("x"), journal.GradeOne, false},
		"source only":          {"a", sum("x"), nil, journal.GradeSize, false},
		"none":                 {"a", nil, nil, journal.GradeSize, false},
		"weak ETag lowers it":  {"W/a", sum("x"), sum("x"), journal.GradeOne, false},
		"weak ETag and source": {"W/a", sum("x"), nil, journal.GradeSize, false},
		"destination differs":  {"a", sum("x"), sum("y"), "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Copier{Destination: &Side{Role: Destination, Name: "b"}}
			got, err := c.prove(task.Task{ETag: test.etag}, "e", sum("x"), test.source, test.destination)
			if test.damaged {
				if driver.KindOf(err) != driver.KindIntegrity {
					t.Errorf("error %v, want one of integrity", err)
				}
				return
			}
			if err != nil || got.grade != test.want {
				t.Errorf("grade %q, %v, want %q", got.grade, err, test.want)
			}
		})
	}
}

func TestUnusualKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"a/b.txt": false, "日本/😀": false, "a b+c%": false,
		"a//b": true, "/a": true, "a/": true, "a/./b": true, "..": true, `a\b`: true, "a\nb": true, "\xff": true,
	} {
		if got := unusual(key); got != want {
			t.Errorf("unusual(%q) = %v, want %v", key, got, want)
		}
	}
}
