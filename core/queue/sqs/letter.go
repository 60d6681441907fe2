package sqs

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
)

// mostReason bounds the text of a reason in a letter.
const mostReason = 4 << 10

// sheet is how a letter is written: JSON, for whoever reads the queue without dth.
type sheet struct {
	Version int       `json:"v"`
	Kind    string    `json:"t"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Batch   []byte    `json:"batch,omitempty"`   // encoded by task.Codec
	Foreign []byte    `json:"foreign,omitempty"` // as it was received
}

const (
	sheetVersion = 1
	sheetKind    = "dead"
)

// sealLetter returns a letter as the texts of one message, or of several.
func sealLetter(codec *task.Codec, letter queue.Letter) ([]string, error) {
	reason := strings.ToValidUTF8(letter.Reason[:min(mostReason, len(letter.Reason))], "")
	page := sheet{Version: sheetVersion, Kind: sheetKind, Reason: reason, At: letter.At}
	if letter.Foreign != nil {
		page.Foreign = letter.Foreign
		text, err := write(page)
		if err == nil && len(text) > largest {
			err = fmt.Errorf("a message of %d bytes is too large for a letter", len(letter.Foreign))
		}
		return []string{text}, err
	}
	var texts []string
	err := split(letter.Batch, func(piece task.Batch, count int) (fits bool, err error) {
		if page.Batch, err = codec.Encode(piece); err != nil {
			return false, err
		}
		text, err := write(page)
		if err != nil {
			return false, err
		}
		if base64.StdEncoding.EncodedLen(len(page.Batch)) > mostText && count > 1 {
			return false, nil
		}
		texts = append(texts, text)
		return true, nil
	})
	return texts, err
}

// write returns the letter in characters that every message may hold.
func write(page sheet) (string, error) {
	text, err := json.Marshal(page)
	if err != nil {
		return "", err
	}
	return ascii(string(text)), nil
}

// ascii escapes in JSON what is not ASCII: SQS refuses some of it.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// unreadable is the reason of a letter of another version.
const unreadable = "a letter that this version of dth cannot read: use the version that wrote it"

// openLetter returns the letter in a message, and whether it is one. A letter of another
// version has no more than a reason, unreadable.
func openLetter(codec *task.Codec, text string) (letter queue.Letter, is bool) {
	var outside struct {
		Kind string `json:"t"`
	}
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &outside) != nil || outside.Kind != sheetKind {
		return queue.Letter{}, false
	}
	var page sheet
	if json.Unmarshal([]byte(text), &page) != nil || page.Version != sheetVersion {
		return queue.Letter{Reason: unreadable}, true
	}
	letter = queue.Letter{Reason: page.Reason, At: page.At, Foreign: page.Foreign}
	if page.Batch != nil {
		batch, err := codec.Decode(page.Batch)
		if err != nil {
			return queue.Letter{Reason: unreadable}, true
		}
		letter.Batch = batch
	}
	return letter, true
}
