package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// thaw is how long a restore takes by class: the shortest time that
// https://developer.qiniu.com/kodo/6380/restore-archive names. Other classes need none.
func thaw(class string) (time.Duration, bool) {
	switch class {
	case "2": // archive
		return time.Minute, true
	case "3": // deep archive
		return 5 * time.Hour, true
	}
	return 0, false
}

// restoreStatus returns 1 while an archived object is being restored, 2 while it
// can be read, and 0 otherwise.
func restoreStatus(o *bucket.Object, now time.Time) int {
	switch {
	case o.Restore == nil || now.After(o.Restore.Expiry):
		return 0
	case now.Before(o.Restore.Ready):
		return 1
	}
	return 2
}

// frozen says whether an object's body can't be read now.
func frozen(o *bucket.Object, now time.Time) bool {
	_, archived := thaw(o.Class)
	return archived && restoreStatus(o, now) != 2
}

// restore makes an archived object readable for some days: ENTRY/freezeAfterDays/DAYS.
//
// Source: https://developer.qiniu.com/kodo/6380/restore-archive.
func (s *server) restore(segments []string, _ bool) (map[string]any, error) {
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	days, err := strconv.Atoi(pairsOf(segments[1:])["freezeAfterDays"])
	if err != nil || days < 1 || days > 7 {
		return nil, &refusal{http.StatusBadRequest, "invalid freeze after days"}
	}
	now := s.desk.Now()
	return nil, store.Update(key, func(o *bucket.Object) error {
		wait, archived := thaw(o.Class)
		switch {
		case !archived:
			return &refusal{http.StatusForbidden, "the file is not archived"}
		case restoreStatus(o, now) == 2:
			return &refusal{http.StatusBadRequest, "archive already restored"}
		case restoreStatus(o, now) == 1:
			return nil
		}
		ready := now.Add(wait)
		o.Restore = &bucket.Restore{Ready: ready, Expiry: ready.AddDate(0, 0, days), Days: days}
		return nil
	})
}

// classStates are the words of "already in … stat", by class.
//
// Source: https://developer.qiniu.com/kodo/3710/chtype.
func classStates() map[string]string {
	return map[string]string{
		"0": "normal", "1": "line", "2": "archive", "3": "deep_archive", "4": "archive_ir", "5": "intelligent_tiering",
	}
}

// changeType moves an object to another storage class: ENTRY/type/CLASS.
//
// Source: https://developer.qiniu.com/kodo/3710/chtype.
func (s *server) changeType(segments []string, _ bool) (map[string]any, error) {
	store, key, err := s.object(segments[0])
	if err != nil {
		return nil, err
	}
	class := pairsOf(segments[1:])["type"]
	state, ok := classStates()[class]
	if !ok {
		return nil, errArgument
	}
	return nil, s.update(store, key, func(o *bucket.Object, now time.Time) error {
		switch {
		case o.Class == class:
			return &refusal{http.StatusBadRequest, "already in " + state + " stat"}
		case frozen(o, now):
			return errArchived
		}
		o.Class, o.Restore = class, nil
		return nil
	})
}
