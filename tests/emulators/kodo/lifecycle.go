package main

import (
	"strconv"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// lifecycleNotes are what stat tells of an object's life to come, by the parameters
// of lifecycle that set it. The emulator tells the dates, and acts on none.
func lifecycleNotes() map[string]string {
	return map[string]string{
		"toIAAfterDays":          "transitionToIA",
		"toArchiveIRAfterDays":   "transitionToArchiveIR",
		"toArchiveAfterDays":     "transitionToARCHIVE",
		"toDeepArchiveAfterDays": "transitionToDeepArchive",
		"deleteAfterDays":        expirationNote,
	}
}

// lifecycle sets what happens to an object when: ENTRY[/PARAMETER/DAYS]…, with -1
// for never.
//
// Source: https://github.com/qiniu/api-specs, storage/modify_object_life_cycle.yml.
func (s *server) lifecycle(segments []string, _ bool) (map[string]any, error) {
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	return nil, s.update(store, key, func(o *bucket.Object, now time.Time) error {
		for parameter, text := range pairsOf(segments[1:]) {
			name, ok := lifecycleNotes()[parameter]
			days, err := strconv.Atoi(text)
			switch {
			case !ok || err != nil || days < -1:
				return errArgument
			case days == -1:
				delete(o.Header, name)
			case days > 0:
				o.Header[name] = []string{midnightAfter(now, days)}
			}
		}
		return nil
	})
}

// deleteAfterDays sets when an object is deleted: ENTRY/DAYS, with 0 for never.
//
// Source: https://developer.qiniu.com/kodo/1732/update-file-lifecycle.
func (s *server) deleteAfterDays(segments []string, _ bool) (map[string]any, error) {
	if len(segments) != 2 {
		return nil, errArgument
	}
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	days, err := strconv.Atoi(segments[1])
	if err != nil || days < 0 {
		return nil, errArgument
	}
	return nil, s.update(store, key, func(o *bucket.Object, now time.Time) error {
		if days == 0 {
			delete(o.Header, expirationNote)
			return nil
		}
		o.Header[expirationNote] = []string{midnightAfter(now, days)}
		return nil
	})
}

// midnightAfter returns the midnight in China, in Unix seconds, that follows now and
// some days: lives end then.
func midnightAfter(now time.Time, days int) string {
	china := time.FixedZone("CST", 8*60*60)
	y, m, d := now.In(china).AddDate(0, 0, days+1).Date()
	return jsonText(time.Date(y, m, d, 0, 0, 0, 0, china).Unix())
}
