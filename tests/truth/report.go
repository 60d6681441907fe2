package truth

import (
	"encoding/json"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/observe"
)

// Report is what a command told, as --json prints it.
type Report struct {
	Run     string `json:"run"`
	State   string `json:"state"`
	Error   string `json:"error"`
	Objects struct {
		Equal    int64 `json:"equal"`
		Copied   int64 `json:"copied"`
		Failed   int64 `json:"failed"`
		Skipped  int64 `json:"skipped"`
		Vanished int64 `json:"vanished"`
		Deleted  int64 `json:"deleted"`
	} `json:"objects"`
	Problems []struct {
		Key     string `json:"key"`
		Outcome string `json:"outcome"`
		Error   string `json:"error"`
	} `json:"problems"`
	Adapted []struct {
		Key string `json:"key"`
	} `json:"adapted"`
	Vanished    []string `json:"vanished"`
	UploadsLeft []struct {
		Key string `json:"key"`
	} `json:"uploads_left"`
}

// read reads the report as its JSON says it.
func read(report *observe.Report) (told Report, err error) {
	if report == nil {
		return told, nil
	}
	text, err := json.Marshal(report)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	return told, err
}

// named returns the keys that the report lists as not copied.
func (r Report) named() map[string]bool {
	keys := map[string]bool{}
	for _, problem := range r.Problems {
		keys[problem.Key] = true
	}
	for _, key := range r.Vanished {
		keys[key] = true
	}
	return keys
}

// Verification is what a verification told, as --json prints it.
type Verification struct {
	ByChecksum int64 `json:"by_checksum"`
	ByJournal  int64 `json:"by_journal"` // unchanged at both ends since dth proved them equal
}

// readVerification reads what was found as its JSON says it.
func readVerification(found engine.Verification) (told Verification, err error) {
	text, err := json.Marshal(found)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	return told, err
}
